"""The life cycle planner: EC2's verbs carried out through the backend's own state machine.

A verb is promised (and remembered) first, its first step is taken while the client waits, and the rest is done in the
background: looked at through the shared picture, ever more slowly, until it is finished or its time is up.
"""

from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud import planner
from ec2proxy.cloud.deferring import settle, shielded
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger, Work
from ec2proxy.cloud.planner import Step, Verb
from ec2proxy.cloud.view import TOMBSTONE_SECONDS, InstanceView, views
from ec2proxy.ec2 import states
from ec2proxy.ec2.states import InstanceState
from ec2proxy.errors import BackendError, CloudError, NotFound, Unsupported, WrongState
from ec2proxy.interfaces import ICloudDriver, IStateStore
from ec2proxy.model import Credentials, Instance, StateMachine

PATIENCE: Mapping[Verb, float] = {"run": 1800.0, "start": 600.0, "stop": 600.0, "terminate": 3600.0}
"""For how many seconds a promise is pursued; after that the backend's own word is shown again."""

FIRST_PAUSE, LONGEST_PAUSE, AGAIN = 1.0, 10.0, 60.0
"""Seconds between two looks at unfinished work, at first and at most; and before a step without effect is repeated."""


@frozen
class Change:
    """What a verb did to an instance's EC2 state, as the client is told."""

    instance_id: str
    previous: InstanceState
    current: InstanceState

    @property
    def is_news(self) -> bool:
        """Whether anything changes."""
        return self.previous is not self.current


@frozen
class Plan:
    """A verb that can be carried out, and for which instances there is something to do.

    :param affected: what is to be changed; the others of ``changes`` are so already.
    """

    verb: Verb
    changes: tuple[Change, ...]
    affected: tuple[InstanceView, ...] = field(repr=False)


class Lifecycle:
    """The instances of one cloud, as EC2 promises them.

    :param region: the cloud's name; with the cloud user it names what is remembered.
    """

    _log = Logger()

    def __init__(
        self, region: str, driver: ICloudDriver, inventory: Inventory, store: IStateStore, clock: IReactorTime
    ) -> None:
        self._region = region
        self._driver = driver
        self._inventory = inventory
        self._store = store
        self._clock = clock
        self._ledgers: dict[str, Ledger] = {}
        self._under_way: dict[Work, Deferred[None]] = {}

    async def ledger(self, credentials: Credentials) -> Ledger:
        """What is remembered for the caller's cloud user."""
        scope = f"{self._region}/{credentials.user}"
        known = self._ledgers.get(scope)
        if known is None:
            loaded = Ledger(self._store, scope)
            await loaded.load()
            # Another caller may have been faster: all must share one ledger.
            known = self._ledgers.setdefault(scope, loaded)
        return known

    async def machine(self, credentials: Credentials) -> StateMachine:
        """The backend's state machine."""
        return (await self._driver.capabilities(credentials)).states

    async def instances(self, credentials: Credentials) -> list[InstanceView]:
        """Every instance that EC2 would describe to the caller."""
        # The backend is asked first: what it refuses to show the caller, the ledger does not show either.
        snapshot = await self._inventory.instances(credentials)
        machine = await self.machine(credentials)
        ledger = await self.ledger(credentials)
        now = self._clock.seconds()
        unseen = [item.id for item in snapshot.items if item.id not in ledger.seen]
        if unseen:
            await ledger.first_seen(unseen, now)
        for instance_id in [key for key, stone in ledger.tombstones.items() if now - stone.at > TOMBSTONE_SECONDS]:
            await ledger.forget(instance_id)
        return list(views(snapshot, ledger, machine, now))

    async def plan(self, credentials: Credentials, verb: Verb, instance_ids: Sequence[str]) -> Plan:
        """Find out what ``verb`` would do, without doing it.

        :raises NotFound: some instances are not there; it names them all.
        :raises WrongState: the state of one does not allow it.
        :raises Unsupported: this backend cannot do it, or would do something worse.
        """
        chosen = await self._choose(credentials, instance_ids)
        machine = await self.machine(credentials)
        changes = tuple(_change(verb, machine, view) for view in chosen)
        affected = tuple(view for view, change in zip(chosen, changes, strict=True) if change.is_news)
        return Plan(verb, changes, affected)

    async def carry_out(self, credentials: Credentials, plan: Plan) -> None:
        """Do what was planned: promise it, take its first step, and leave the rest to the background.

        It goes on when who waits for it leaves.

        :raises CloudError: the first error of the backend's; the other instances of the plan go on.
        """
        outcomes = await shielded(settle(self._begin(credentials, plan.verb, view) for view in plan.affected))
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                outcome.raiseException()

    async def reboot(self, credentials: Credentials, instance_ids: Sequence[str], *, only_plan: bool) -> None:
        """Reboot running instances.

        :param only_plan: check only whether it could be done.
        :raises CloudError: as :meth:`plan` and :meth:`carry_out`.
        """
        chosen = await self._choose(credentials, instance_ids)
        machine = await self.machine(credentials)
        if machine.states and not planner.offers(machine, "reboot"):
            raise Unsupported("This cloud cannot reboot instances.")
        for view in chosen:
            if view.state is not states.RUNNING:
                raise _wrong_state(view, "rebooted")
        if only_plan:
            return
        calls = [self._driver.instances.reboot(credentials, view.instance.id) for view in chosen]
        outcomes = await shielded(settle(calls))
        self._inventory.wrote(credentials, "instances")
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                outcome.raiseException()

    async def pursue(self, credentials: Credentials, work: Work) -> None:
        """Remember ``work`` and go on with it in the background until it is finished."""
        await (await self.ledger(credentials)).promise(work)
        self._pursue(credentials, work)

    async def stop(self) -> None:
        """Leave all work as it is; the ledger remembers what is not finished."""
        for pursuit in list(self._under_way.values()):
            pursuit.cancel()

    async def _choose(self, credentials: Credentials, instance_ids: Iterable[str]) -> list[InstanceView]:
        by_id = {view.instance.id: view for view in await self.instances(credentials)}
        wanted = list(dict.fromkeys(instance_ids))
        missing = [instance_id for instance_id in wanted if instance_id not in by_id]
        if missing:
            raise NotFound("instances", missing)
        return [by_id[instance_id] for instance_id in wanted]

    async def _begin(self, credentials: Credentials, verb: Verb, view: InstanceView) -> None:
        ledger = await self.ledger(credentials)
        before = ledger.work.get(view.instance.id)
        work = Work(verb, view.instance, self._clock.seconds())
        await ledger.promise(work)
        taken = None
        try:
            taken = await self._advance(credentials, work, view.instance)
        except CloudError as error:
            if not error.ambiguous and not await self._came_true(credentials, work, error):
                await self._take_back(ledger, work, before)
                raise
            self._log.info("{verb} of {instance} goes on: {reason}", **_about(work, error))
        self._pursue(credentials, work, taken)

    async def _came_true(self, credentials: Credentials, work: Work, error: CloudError) -> bool:
        """Whether a refused first step was refused because the picture it was planned on was too old."""
        if not isinstance(error, WrongState):
            return False
        if work.verb == "terminate":
            return True
        instance = (await self._inventory.instances(credentials)).by_id.get(work.instance.id)
        step = planner.NEXT[work.verb]
        return instance is not None and step(await self.machine(credentials), instance) in (Step.WAIT, Step.DONE)

    async def _take_back(self, ledger: Ledger, work: Work, before: Work | None) -> None:
        if before is None:
            await ledger.finish(work)
        elif ledger.work.get(work.instance.id) is work:
            await ledger.promise(before)

    def _pursue(self, credentials: Credentials, work: Work, taken: tuple[Step, str] | None = None) -> None:
        def ended(outcome: Failure | None) -> None:
            self._under_way.pop(work, None)
            if isinstance(outcome, Failure) and not isinstance(outcome.value, CancelledError):
                self._log.failure("{verb} of {instance} broke off", outcome, verb=work.verb, instance=work.instance.id)

        pursuit = Deferred.fromCoroutine(self._finish(credentials, work, taken))
        self._under_way[work] = pursuit
        pursuit.addBoth(ended)

    async def _finish(self, credentials: Credentials, work: Work, taken: tuple[Step, str] | None) -> None:
        """Look and act until ``work`` is finished, superseded, or out of time."""
        ledger = await self.ledger(credentials)
        pause, acted = FIRST_PAUSE, self._clock.seconds()
        while ledger.work.get(work.instance.id) is work:
            await deferLater(self._clock, pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            now = self._clock.seconds()
            if now - work.since > PATIENCE[work.verb]:
                self._log.error("{verb} of {instance} never finished", **_about(work))
                break
            try:
                instance = (await self._inventory.instances(credentials)).by_id.get(work.instance.id)
                # Another promise may have come meanwhile: a run must not start what is being terminated.
                if ledger.work.get(work.instance.id) is not work:
                    break
                if await self._is_over(credentials, ledger, work, instance):
                    break
                if instance is None or (taken and taken[1] == instance.state and now - acted < AGAIN):
                    continue
                taken, acted = await self._advance(credentials, work, instance), now
            except (BackendError, NotFound, WrongState) as error:
                self._log.info("{verb} of {instance} has to wait: {reason}", **_about(work, error))
            except CloudError as error:
                self._log.error("{verb} of {instance} is refused: {reason}", **_about(work, error))
                break
        await ledger.finish(work)

    async def _is_over(self, credentials: Credentials, ledger: Ledger, work: Work, instance: Instance | None) -> bool:
        if instance is not None:
            over = planner.NEXT[work.verb](await self.machine(credentials), instance) is Step.DONE
        else:
            # A created instance may not be listed yet; any other that is not listed is no more.
            over = work.verb != "run"
        if over and work.verb == "terminate":
            await ledger.bury(work.instance, self._clock.seconds())
        return over

    async def _advance(self, credentials: Credentials, work: Work, instance: Instance) -> tuple[Step, str]:
        """Take the next step towards what was promised.

        :returns: the step, and the backend's state it was taken from.
        """
        step = planner.NEXT[work.verb](await self.machine(credentials), instance)
        calls = self._driver.instances
        try:
            if step is Step.START:
                await calls.start(credentials, instance.id)
            elif step is Step.STOP:
                await calls.stop(credentials, instance.id)
            elif step is Step.DESTROY:
                await calls.destroy(credentials, instance.id)
        except NotFound:
            if work.verb != "terminate":
                raise
        finally:
            if step not in (Step.WAIT, Step.DONE):
                self._inventory.wrote(credentials, "instances")
        return step, instance.state


def _about(work: Work, error: CloudError | None = None) -> dict[str, object]:
    """The fields of a log line about ``work``."""
    return {"verb": work.verb, "instance": work.instance.id, "reason": error.message if error else None}


def _wrong_state(view: InstanceView, wanted: str) -> WrongState:
    return WrongState(f"The instance '{view.instance.id}' is not in a state from which it can be {wanted}.")


def _change(verb: Verb, machine: StateMachine, view: InstanceView) -> Change:
    """What ``verb`` does to the EC2 state of an instance.

    :raises WrongState: nothing, since its state does not allow it.
    :raises Unsupported: nothing good, in this backend.
    """
    now = view.state
    if verb == "terminate":
        return Change(view.instance.id, now, now if now is states.TERMINATED else states.SHUTTING_DOWN)
    if verb == "stop":
        if not planner.offers(machine, "stop"):
            raise Unsupported("This cloud cannot stop instances.")
        if planner.stop_destroys(machine):
            raise Unsupported("In this cloud a stop destroys the instance and its data; use TerminateInstances.")
        if now not in (states.RUNNING, states.STOPPING, states.STOPPED):
            raise _wrong_state(view, "stopped")
        return Change(view.instance.id, now, states.STOPPING if now is states.RUNNING else now)
    if now not in (states.STOPPED, states.PENDING, states.RUNNING):
        raise _wrong_state(view, "started")
    if not planner.offers(machine, "start"):
        raise Unsupported("This cloud cannot start instances.")
    return Change(view.instance.id, now, states.PENDING if now is states.STOPPED else now)
