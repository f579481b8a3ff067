"""The pursuit of a promise: look, take the next step, look again, until it is kept or its time is up."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ec2proxy.cloud import planner
from ec2proxy.cloud.entries import Work
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.planner import Step, Verb
from ec2proxy.cloud.watch import Watch
from ec2proxy.ec2.record import Pursued
from ec2proxy.errors import BackendError, CloudError, NotFound, StateUnavailable, WrongState
from ec2proxy.interfaces import ICloudDriver, IObserver
from ec2proxy.model import Credentials, Instance

PATIENCE: Mapping[Verb, float] = {"run": 1800.0, "start": 600.0, "stop": 600.0, "terminate": 3600.0}
"""For how many seconds of looking a promise is pursued; after that the backend's own word is shown again.

Only time in which somebody looked counts: not that of a machine that slept, nor of a clock that was put forward.
"""

FIRST_PAUSE, LONGEST_PAUSE, AGAIN = 1.0, 10.0, 60.0
"""Seconds between two looks at unfinished work, at first and at most; and before a step without effect is repeated."""

LIST_LAG_SECONDS = 300.0
"""For how long a created instance that the backend does not know (yet) is believed in."""

ACTIONS: Mapping[Verb, str] = {
    "run": "RunInstances",
    "start": "StartInstances",
    "stop": "StopInstances",
    "terminate": "TerminateInstances",
}
"""By what EC2 calls it, what is promised."""

Asked = Literal["start", "stop", "destroy", "give up"]

_ALIVE = frozenset({"start", "pending", "running"})


@frozen
class _Taken:
    """A step that the backend accepted: the instance's state before it, and when it was."""

    state: str
    at: float


@define(eq=False)
class Pursuit:
    """Work on one instance.

    :param ledger: where the work is promised.
    :param observer: is told of what is done once the request is answered.
    """

    _driver: ICloudDriver = field(repr=False)
    _inventory: Inventory = field(repr=False)
    _watch: Watch = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    credentials: Credentials
    ledger: Ledger = field(repr=False)
    work: Work
    _region: str
    _observer: IObserver = field(repr=False)
    _taken: _Taken | None = None
    _answered: bool = False

    _log = Logger()

    async def next_step(self, instance: Instance) -> Step:
        """What is next about the instance as it is now."""
        return planner.NEXT[self.work.verb]((await self._driver.capabilities(self.credentials)).states, instance)

    async def act(self, instance: Instance) -> None:
        """Take the next step, if there is one, from where ``instance`` is now.

        :raises CloudError: the backend did not accept it.
        """
        step = await self.next_step(instance)
        if step is Step.DESTROY:
            await self._destroy(instance)
            return
        calls = self._driver.instances
        if step is Step.START:
            await self._call("start", calls.start, instance)
        elif step is Step.STOP:
            await self._call("stop", calls.stop, instance)
        else:
            return
        self._taken = _Taken(instance.state, self._clock.seconds())

    async def _destroy(self, instance: Instance) -> None:
        """Destroy the instance, unless the work is not ours any more; what is asked for is remembered before."""
        if not await self._note(destroy=instance.state):
            return
        try:
            await self._call("destroy", self._driver.instances.destroy, instance)
        except CloudError as error:
            if not error.ambiguous:
                await self._note(destroy="")
            raise
        await self._note(destroy=instance.state, accepted=True)

    async def _call(self, step: Asked, call: Callable[[Credentials, str], Awaitable[None]], instance: Instance) -> None:
        """Ask the backend for a step, and tell of it where no request's answer does."""
        began = self._clock.seconds()
        error = ""
        try:
            await call(self.credentials, instance.id)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            self._inventory.wrote(self.credentials, "instances")
            self._tell(step, began, error)

    def _tell(self, step: Asked, began: float, error: str) -> None:
        if self._answered:
            work, now = self.work, self._clock.seconds()
            self._observer.pursued(
                Pursued(
                    now,
                    self._region,
                    work.request_id,
                    work.principal,
                    ACTIONS[work.verb],
                    work.instance.id,
                    step,
                    max(0.0, now - began),
                    error,
                )
            )

    async def _note(self, *, destroy: str, accepted: bool = False) -> bool:
        """Remember how far the destruction has come; tells whether the work is ours still."""
        if (destroy, accepted) != (self.work.destroy, self.work.accepted):
            noted = await self.ledger.note(self.work, destroy=destroy, accepted=accepted)
            if noted is not None:
                self.work = noted
        return self._is_current()

    async def run(self) -> None:
        """Go on until the work is finished, superseded, or out of time."""
        self._answered = True
        pause, waited = FIRST_PAUSE, 0.0
        while self._is_current():
            await deferLater(self._clock, pause)
            waited += pause
            pause = min(pause * 1.5, LONGEST_PAUSE)
            if waited > PATIENCE[self.work.verb]:
                self._log.error("{verb} of {instance} never finished", **self._about())
                self._tell("give up", self.work.since, "NeverFinished")
                break
            try:
                if await self._is_over():
                    break
            except CancelledError:
                raise
            except (BackendError, NotFound, WrongState, StateUnavailable) as error:
                self._log.info("{verb} of {instance} has to wait: {reason}", **self._about(error))
            except CloudError as error:
                self._log.error("{verb} of {instance} is refused: {reason}", **self._about(error))
                self._tell("give up", self.work.since, type(error).__name__)
                break
            except Exception:
                # A fault of ours, or the store's: not a reason to leave the instance between two states.
                self._log.failure(
                    "{verb} of {instance} has to wait", verb=self.work.verb, instance=self.work.instance.id
                )
        await self.ledger.finish(self.work)

    def _is_current(self) -> bool:
        return self.ledger.is_current(self.work)

    async def _is_over(self) -> bool:
        """Look at the instance and do what is next about it; tells whether nothing is."""
        instance_id = self.work.instance.id
        snapshot, _ = await self._watch.look(self.credentials)
        instance = snapshot.by_id.get(instance_id)
        if instance is None and instance_id not in self.ledger.seen:
            instance = await self._unlisted()
        if not self._is_current():
            # Other work came meanwhile, or another instance with this id: hands off.
            return True
        if instance is None or self._is_another(instance):
            if self._may_come():
                return False
            await self.ledger.bury(self.work, self._clock.seconds())
            return True
        if await self.next_step(instance) is Step.DONE:
            if self.work.verb == "terminate":
                await self.ledger.bury(self.work, self._clock.seconds())
            # What is not listed is visible through its work only.
            return self.work.verb != "run" or instance_id in snapshot.by_id
        if not self._has_acted(instance):
            await self.act(instance)
        return False

    async def _unlisted(self) -> Instance | None:
        """An instance that was created and has not been listed yet."""
        try:
            instance: Instance = await self._driver.instances.get(self.credentials, self.work.instance.id)
        except NotFound:
            return None
        return instance

    def _is_another(self, instance: Instance) -> bool:
        """Whether this one has only the id of the one that was destroyed: that one does not come back to life.

        Where it is not known whether the destruction was accepted, one that ran may just have come to run.
        """
        asked = self.work.destroy
        known = self.work.accepted or asked.lower() not in _ALIVE
        return bool(asked) and known and instance.state != asked and instance.state.lower() in _ALIVE

    def _may_come(self) -> bool:
        """Whether an instance that is nowhere was created so lately that it may still appear."""
        launch = self.ledger.launches.get(self.work.instance.id)
        return (
            self._taken is None
            and not self.work.destroy
            and self.work.instance.id not in self.ledger.seen
            and launch is not None
            and self._clock.seconds() - launch.at < LIST_LAG_SECONDS
        )

    def _has_acted(self, instance: Instance) -> bool:
        """Whether a step was taken from where ``instance`` still is, and has to be given time.

        An accepted destruction is never asked for again: by then the id may be another instance's.
        """
        if self.work.accepted:
            return True
        taken = self._taken
        return taken is not None and taken.state == instance.state and abs(self._clock.seconds() - taken.at) < AGAIN

    def _about(self, error: CloudError | None = None) -> dict[str, object]:
        """The fields of a log line."""
        reason = error.message if error else None
        return {"verb": self.work.verb, "instance": self.work.instance.id, "reason": reason}
