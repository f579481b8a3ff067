"""The life cycle planner: EC2's verbs carried out through the backend's own state machine.

A verb is promised (and remembered) first, its first step is taken while the client waits, and the rest is done in the
background: looked at through the shared picture, ever more slowly, until it is finished or its time is up.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud import planner
from ec2proxy.cloud.deferring import settle, shielded
from ec2proxy.cloud.entries import Launch, Work
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger, Overtaken
from ec2proxy.cloud.notes import NOTES
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.planner import Step, Verb
from ec2proxy.cloud.plans import Plan, planned, wrong_state
from ec2proxy.cloud.pursuit import Pursuit
from ec2proxy.cloud.roster import Roster, Rosters
from ec2proxy.cloud.view import InstanceView
from ec2proxy.cloud.watch import Watch
from ec2proxy.ec2 import states
from ec2proxy.errors import CloudError, NotFound, Unsupported, WrongState
from ec2proxy.interfaces import ICloudDriver, IEpochs, IObserver, IStateStore
from ec2proxy.model import Credentials, Instance, StateMachine
from ec2proxy.observing.nobody import NOBODY

_LOOKS = 4
"""How often a picture is looked at again because something was written while it was looked at."""


class Lifecycle:
    """The instances of one cloud, as EC2 promises them.

    :param region: the cloud's name; with the cloud user it names what is remembered.
    :param epochs: tell when others have changed what is remembered.
    :param observer: is told of what is done after an answer.
    """

    _log = Logger()

    def __init__(
        self,
        region: str,
        driver: ICloudDriver,
        inventory: Inventory,
        store: IStateStore,
        clock: IReactorTime,
        epochs: IEpochs,
        observer: IObserver = NOBODY,
    ) -> None:
        self._region = region
        self._observer = observer
        self._driver = driver
        self._inventory = inventory
        self._clock = clock
        self._watch = Watch(region, inventory, store, clock, epochs)
        self._rosters = Rosters(clock)
        # By the promise; those whose first step is being taken are begun, and not under way yet.
        self._begun: set[str] = set()
        self._under_way: dict[str, Deferred[None]] = {}
        self._stopped = False
        inventory.tell_ahead(self._prepare)

    async def ledger(self, credentials: Credentials) -> Ledger:
        """What is remembered for the caller's cloud user, who has proved to be it."""
        return await self._watch.ledger(credentials)

    def ledgers(self) -> dict[str, Ledger]:
        """What is remembered and in memory, by cloud user, for the operator."""
        return self._watch.ledgers()

    async def machine(self, credentials: Credentials) -> StateMachine:
        """The backend's state machine."""
        return (await self._driver.capabilities(credentials)).states

    def remembered(self, credentials: Credentials) -> Ledger | None:
        """What is remembered for the caller's cloud user, if it is in memory."""
        return self._watch.remembered(credentials)

    async def look(self, credentials: Credentials, whole: bool = True) -> tuple[Snapshot[Instance], Ledger]:
        """The caller's instances as the backend shows them, and what is remembered beside that.

        :param whole: as for :meth:`Watch.look`.
        """
        return await self._watch.look(credentials, whole)

    def true_until(self, credentials: Credentials, snapshot: Snapshot[Instance]) -> float | None:
        """Until when what is remembered is in step with this picture, in the clock's seconds; None if it is not."""
        return self._watch.true_until(credentials, snapshot)

    async def roster(self, credentials: Credentials) -> Roster:
        """Every instance that EC2 would describe to the caller, to be looked up in."""
        return await self._roster(credentials, whole=True)

    async def some(self, credentials: Credentials, instance_ids: Iterable[str]) -> Mapping[str, InstanceView]:
        """Those of the caller's instances that are named and there, by id.

        What is made of them stands for as long as they do, whatever becomes of others.
        """
        by_id = (await self._roster(credentials, whole=False)).by_id
        found = {each: by_id.get(each) for each in instance_ids}
        notes = NOTES.get()
        if notes is not None:
            notes.chosen.setdefault(credentials, {}).update(found)
        return {each: view for each, view in found.items() if view is not None}

    def shows(
        self, credentials: Credentials, snapshot: Snapshot[Instance], chosen: Mapping[str, InstanceView | None]
    ) -> bool:
        """Whether :meth:`some` would give the same at once of this picture, as notes tell of it.

        :param chosen: the instances by id, None for one that is not there.
        """
        ledger = self._watch.remembered(credentials)
        roster = self._rosters.made(credentials)
        if ledger is None or roster is None or not roster.is_as_of(snapshot, ledger):
            return False
        return all(roster.by_id.get(each) is view for each, view in chosen.items())

    async def _roster(self, credentials: Credentials, whole: bool) -> Roster:
        notes = NOTES.get()
        for _ in range(_LOOKS):
            self._inventory.drop_outdated(credentials, "instances")
            known = self._watch.remembered(credentials)
            before = None if known is None else known.version
            snapshot, ledger = await self._watch.look(credentials, whole)
            roster = await self._rosters.of(credentials, snapshot, ledger, await self.machine(credentials))
            # A promise that was kept meanwhile is remembered no more, and this picture is from before: what has been
            # destroyed would look stopped.
            if ledger.version == before or not self._inventory.is_outdated(credentials, "instances", snapshot):
                break
        if notes is not None and roster.changing:
            notes.spoiled = True
        return roster

    def _prepare(self, credentials: Credentials, collection: str) -> None:
        """Have the roster of a new picture ready before the last picture is too old to be answered from."""
        if collection == "instances" and self._rosters.made(credentials) is not None:
            # On nobody's behalf: whoever happened to begin the refresh is not to have this noted.
            preparing = Context().run(Deferred.fromCoroutine, self.roster(credentials))
            # Whoever asks for it is told what is wrong.
            preparing.addErrback(lambda failure: self._log.debug("No roster ahead: {failure}", failure=failure))

    async def instances(self, credentials: Credentials) -> Sequence[InstanceView]:
        """Every instance that EC2 would describe to the caller."""
        return (await self.roster(credentials)).views

    async def plan(self, credentials: Credentials, verb: Verb, instance_ids: Sequence[str]) -> Plan:
        """Find out what ``verb`` (not ``run``) would do, without doing it.

        :raises NotFound: some instances are not there; it names them all.
        :raises WrongState: the state of one does not allow it.
        :raises Unsupported: this backend cannot do it, or would do something worse.
        """
        chosen = await self._choose(credentials, instance_ids)
        return planned(verb, await self.machine(credentials), chosen)

    async def carry_out(self, credentials: Credentials, plan: Plan) -> None:
        """Do what was planned: promise it, take its first step, and leave the rest to the background.

        It goes on when who waits for it leaves.

        :raises CloudError: the first error of the backend's; the other instances of the plan go on.
        """
        _raise_first(await shielded(settle(self._begin(credentials, plan.verb, view) for view in plan.affected)))

    async def reboot(self, credentials: Credentials, instance_ids: Sequence[str], *, only_plan: bool) -> None:
        """Reboot running instances. It goes on when who waits for it leaves.

        :param only_plan: check only whether it could be done.
        :raises CloudError: as :meth:`plan` and :meth:`carry_out`.
        """
        chosen = await self._choose(credentials, instance_ids)
        machine = await self.machine(credentials)
        if machine.states and not planner.offers(machine, "reboot"):
            raise Unsupported("This cloud cannot reboot instances.")
        for view in chosen:
            if view.state is not states.RUNNING:
                raise wrong_state(view.instance.id, "rebooted")
        if not only_plan:
            _raise_first(await shielded(settle(self._reboot(credentials, view.instance.id) for view in chosen)))

    async def pursue(self, credentials: Credentials, work: Work) -> None:
        """Remember ``work`` and go on with it in the background until it is finished."""
        ledger = await self.ledger(credentials)
        with self._beginning(work):
            await ledger.promise(work, credentials)
        self._start(self._pursuit(credentials, ledger, work))

    async def launched(
        self, credentials: Credentials, ledger: Ledger, instance: Instance, launch: Launch, **known: Any
    ) -> bool:
        """Remember where a new instance comes from, and see to it that it runs; as :meth:`Ledger.launched`."""
        work = Work("run", instance, self._clock.seconds(), ledger.owner)
        with self._beginning(work):
            kept = await ledger.launched(work, launch, credentials, **known)
        if kept:
            self._start(self._pursuit(credentials, ledger, work))
        return kept

    def resume(self, credentials: Credentials, ledger: Ledger) -> None:
        """Take up the work that is this process's, and that it is not at."""
        for work in list(ledger.work.values()):
            if work.owner == ledger.owner and work.promise not in self._begun:
                self._log.info("Takes up {verb} of {instance}", verb=work.verb, instance=work.instance.id)
                self._start(self._pursuit(credentials, ledger, work))

    async def unfinished(self) -> list[Ledger]:
        """The ledgers that have anything unfinished."""
        return await self._watch.unfinished()

    def distrust(self, credentials: Credentials) -> None:
        """Look at everything anew when it is next asked for: another process has been at work a moment ago."""
        self._watch.distrust(credentials)

    async def stop(self) -> None:
        """Leave all work as it is; the ledger remembers what is not finished.

        What requests that are under way promise yet is remembered as well, and left to a successor, who finds it there.
        """
        self._stopped = True
        for pursuit in list(self._under_way.values()):
            pursuit.cancel()

    async def _choose(self, credentials: Credentials, instance_ids: Iterable[str]) -> list[InstanceView]:
        by_id = (await self.roster(credentials)).by_id
        wanted = list(dict.fromkeys(instance_ids))
        missing = [instance_id for instance_id in wanted if instance_id not in by_id]
        if missing:
            raise NotFound("instances", missing)
        return [by_id[instance_id] for instance_id in wanted]

    async def _reboot(self, credentials: Credentials, instance_id: str) -> None:
        try:
            await self._driver.instances.reboot(credentials, instance_id)
        finally:
            self._inventory.wrote(credentials, "instances")

    async def _begin(self, credentials: Credentials, verb: Verb, view: InstanceView) -> None:
        ledger = await self.ledger(credentials)
        pursuit = self._pursuit(credentials, ledger, Work(verb, view.instance, self._clock.seconds(), ledger.owner))
        if await pursuit.next_step(view.instance) is Step.DESTROY:
            # Remembered with the promise, it need not be written before the step.
            pursuit.work = evolve(pursuit.work, destroy=view.instance.state)
        work = pursuit.work
        while True:
            before = ledger.work.get(view.instance.id)
            if not self._may_begin(ledger, verb, view, before):
                return
            with suppress(Overtaken), self._beginning(work):
                await ledger.promise(work, credentials, before)
                break
        try:
            await pursuit.act(view.instance)
        except Exception as error:
            if not await self._goes_on(credentials, pursuit.work, error):
                await self._take_back(credentials, ledger, pursuit.work, before)
                raise
            self._log.info(
                "{verb} of {instance} goes on: {reason}", verb=verb, instance=view.instance.id, reason=str(error)
            )
        self._start(pursuit)

    def _may_begin(self, ledger: Ledger, verb: Verb, view: InstanceView, before: Work | None) -> bool:
        """Whether work may take the place of what there is; there may have come some since the plan was made.

        :raises WrongState: a termination is not taken back.
        """
        if before is None or before.verb != "terminate":
            return True
        if verb != "terminate":
            raise wrong_state(view.instance.id, "stopped" if verb == "stop" else "started")
        # Another process sees to it, or when that ends, the one that takes over.
        return before.owner == ledger.owner and before.promise not in self._under_way

    @contextmanager
    def _beginning(self, work: Work) -> Iterator[None]:
        """Let nobody else take up a promise that is being made."""
        self._begun.add(work.promise)
        try:
            yield
        except Exception:
            self._begun.discard(work.promise)
            raise

    async def _goes_on(self, credentials: Credentials, work: Work, error: Exception) -> bool:
        """Whether work goes on though its first step was not accepted.

        It does if the step may have been taken all the same, or was planned on a picture that was too old.
        """
        if isinstance(error, CloudError) and error.ambiguous:
            return True
        if work.verb == "terminate":
            return isinstance(error, NotFound | WrongState)
        if not isinstance(error, WrongState):
            return False
        try:
            instance = (await self._inventory.instances(credentials)).by_id.get(work.instance.id)
        except CloudError:
            return False
        step = planner.NEXT[work.verb]
        return instance is not None and step(await self.machine(credentials), instance) in (Step.WAIT, Step.DONE)

    async def _take_back(self, credentials: Credentials, ledger: Ledger, work: Work, before: Work | None) -> None:
        self._begun.discard(work.promise)
        if before is None:
            await ledger.finish(work)
            return
        before = evolve(before, owner=ledger.owner)
        with suppress(Overtaken):
            await ledger.promise(before, credentials, work)
            if before.promise not in self._begun:
                self._start(self._pursuit(credentials, ledger, before))

    def _pursuit(self, credentials: Credentials, ledger: Ledger, work: Work) -> Pursuit:
        return Pursuit(
            self._driver,
            self._inventory,
            self._watch,
            self._clock,
            credentials,
            ledger,
            work,
            self._region,
            self._observer,
        )

    def _start(self, pursuit: Pursuit) -> None:
        work = pursuit.work
        if self._stopped:
            return
        self._begun.add(work.promise)

        def ended(outcome: Failure | None) -> None:
            self._begun.discard(work.promise)
            del self._under_way[work.promise]
            if isinstance(outcome, Failure) and not outcome.check(CancelledError):
                self._log.failure("{verb} of {instance} broke off", outcome, verb=work.verb, instance=work.instance.id)

        # It begins with a pause, unless the work was superseded meanwhile.
        running = self._under_way[work.promise] = Deferred.fromCoroutine(pursuit.run())
        running.addBoth(ended)


def _raise_first(outcomes: Iterable[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            outcome.raiseException()
