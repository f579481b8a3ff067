"""The life cycle planner: EC2's verbs carried out through the backend's own state machine.

A verb is promised (and remembered) first, its first step is taken while the client waits, and the rest is done in the
background: looked at through the shared picture, ever more slowly, until it is finished or its time is up.
"""

from collections.abc import Iterable, Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud import planner
from ec2proxy.cloud.deferring import settle, shielded
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger, Work
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.planner import Step, Verb
from ec2proxy.cloud.plans import Plan, planned, wrong_state
from ec2proxy.cloud.pursuit import Pursuit
from ec2proxy.cloud.view import InstanceView, views
from ec2proxy.cloud.watch import Watch
from ec2proxy.ec2 import states
from ec2proxy.errors import CloudError, NotFound, Unsupported, WrongState
from ec2proxy.interfaces import ICloudDriver, IStateStore
from ec2proxy.model import Credentials, Instance, StateMachine


class Lifecycle:
    """The instances of one cloud, as EC2 promises them.

    :param region: the cloud's name; with the cloud user it names what is remembered.
    """

    _log = Logger()

    def __init__(
        self, region: str, driver: ICloudDriver, inventory: Inventory, store: IStateStore, clock: IReactorTime
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._clock = clock
        self._watch = Watch(region, inventory, store, clock)
        self._under_way: dict[Work, Deferred[None]] = {}

    async def ledger(self, credentials: Credentials) -> Ledger:
        """What is remembered for the caller's cloud user, who has proved to be it."""
        return await self._watch.ledger(credentials)

    async def machine(self, credentials: Credentials) -> StateMachine:
        """The backend's state machine."""
        return (await self._driver.capabilities(credentials)).states

    async def look(self, credentials: Credentials) -> tuple[Snapshot[Instance], Ledger]:
        """The caller's instances as the backend shows them, and what is remembered beside that."""
        return await self._watch.look(credentials)

    async def instances(self, credentials: Credentials) -> list[InstanceView]:
        """Every instance that EC2 would describe to the caller."""
        snapshot, ledger = await self._watch.look(credentials)
        return list(views(snapshot, ledger, await self.machine(credentials), self._clock.seconds()))

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
        await ledger.promise(work, credentials)
        self._start(self._pursuit(credentials, ledger, work))

    async def resume(self, before: float) -> None:
        """Take up the work that an earlier process left unfinished.

        :param before: when this process began, in epoch seconds: what was promised since is under way.
        """
        for credentials, ledger in await self._watch.unfinished("work"):
            for work in list(ledger.work.values()):
                if work.since < before and work not in self._under_way:
                    self._log.info("Takes up {verb} of {instance}", verb=work.verb, instance=work.instance.id)
                    self._start(self._pursuit(credentials, ledger, work))

    async def unfinished_orders(self) -> list[tuple[Credentials, Ledger]]:
        """The ledgers with launches whose outcome was not heard, each with whose it is."""
        return await self._watch.unfinished("order")

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

    async def _reboot(self, credentials: Credentials, instance_id: str) -> None:
        try:
            await self._driver.instances.reboot(credentials, instance_id)
        finally:
            self._inventory.wrote(credentials, "instances")

    async def _begin(self, credentials: Credentials, verb: Verb, view: InstanceView) -> None:
        ledger = await self.ledger(credentials)
        before = ledger.work.get(view.instance.id)
        if before is not None and before.verb == "terminate":
            # It may have been promised since the plan was made, and is not taken back.
            if verb != "terminate":
                raise wrong_state(view.instance.id, "stopped" if verb == "stop" else "started")
            if before in self._under_way:
                return
        work = Work(verb, view.instance, self._clock.seconds())
        pursuit = self._pursuit(credentials, ledger, work)
        await ledger.promise(work, credentials)
        try:
            await pursuit.act(view.instance)
        except Exception as error:
            if not await self._goes_on(credentials, work, error):
                await self._take_back(credentials, ledger, work, before)
                raise
            self._log.info(
                "{verb} of {instance} goes on: {reason}", verb=verb, instance=view.instance.id, reason=str(error)
            )
        self._start(pursuit)

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
        if before is None:
            await ledger.finish(work)
        elif ledger.work.get(work.instance.id) is work:
            await ledger.promise(before, credentials)
            if before not in self._under_way:
                self._start(self._pursuit(credentials, ledger, before))

    def _pursuit(self, credentials: Credentials, ledger: Ledger, work: Work) -> Pursuit:
        return Pursuit(self._driver, self._inventory, self._watch, self._clock, credentials, ledger, work)

    def _start(self, pursuit: Pursuit) -> None:
        work = pursuit.work

        def ended(outcome: Failure | None) -> None:
            del self._under_way[work]
            if isinstance(outcome, Failure) and not outcome.check(CancelledError):
                self._log.failure("{verb} of {instance} broke off", outcome, verb=work.verb, instance=work.instance.id)

        # It begins with a pause, unless the work was superseded meanwhile.
        running = self._under_way[work] = Deferred.fromCoroutine(pursuit.run())
        running.addBoth(ended)


def _raise_first(outcomes: Iterable[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            outcome.raiseException()
