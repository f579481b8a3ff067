"""RunInstances: several instances or none, and never twice for the same token."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud.deferring import settle, shielded
from ec2proxy.cloud.entries import Launch, Work
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.lifecycle import Lifecycle
from ec2proxy.cloud.orders import Launched, Launching, Order, fits
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.tokens import Claim, Tokens
from ec2proxy.cloud.view import view_of
from ec2proxy.ec2 import states
from ec2proxy.errors import (
    BackendError,
    BackendUnavailable,
    CloudError,
    IdempotencyMismatch,
    StateUnavailable,
)
from ec2proxy.interfaces import ICloudDriver, IStateStore
from ec2proxy.model import Credentials, Instance

LOOKS_FOR_LOST = (1.0, 2.0, 4.0)
"""Seconds to wait before each look for an instance whose creation was not answered."""

ELSEWHERE, ELSEWHERE_SECONDS = 0.5, 60.0
"""Seconds between looks whether another process has carried out an order, and for how long it is looked."""

DOUBT_SECONDS = 300.0
"""For how long an instance may still appear whose creation was not answered. As with what is not listed yet."""

SKEW_SECONDS = 2.0
"""How far the clocks of machines that share a state may differ."""


class Launcher:
    """Launches instances in one cloud.

    :param entropy: gives that many random bytes, for reservation ids.
    :param doubt: seconds, as :data:`DOUBT_SECONDS`; nothing is created a second time before.
    """

    _log = Logger()

    def __init__(
        self,
        driver: ICloudDriver,
        inventory: Inventory,
        lifecycle: Lifecycle,
        store: IStateStore,
        clock: IReactorTime,
        entropy: Callable[[int], bytes],
        doubt: float = DOUBT_SECONDS,
    ) -> None:
        self._doubt = doubt
        self._driver = driver
        self._inventory = inventory
        self._lifecycle = lifecycle
        self._store = store
        self._tokens = Tokens(store, clock)
        self._clock = clock
        self._entropy = entropy
        self._under_way: dict[tuple[str, str], list[Deferred[None]]] = {}
        self._creating: Counter[str] = Counter()
        # Orders that this process is at, by reservation id, and those of them that it has taken up.
        self._begun: set[str] = set()
        self._resuming: set[Deferred[None]] = set()

    async def launch(self, credentials: Credentials, order: Order) -> Launched:
        """Carry out an order, or find what it led to when it came before.

        It goes on when who waits for it leaves.

        :raises IdempotencyMismatch: its token came with another order.
        :raises OutcomeUnknown: it is not known whether instances were created, and a retry could not tell.
        :raises CloudError: fewer than ``least`` instances could be created; those that were are terminated.
        """
        return await shielded(self._create_in_turn(credentials, order))

    def _reservation_id(self) -> str:
        return "r-" + self._entropy(9).hex()[:17]

    async def _create_in_turn(self, credentials: Credentials, order: Order) -> Launched:
        """Wait for launches with the same token, if there is one, before going ahead."""
        # Looking comes first: it proves who asks.
        snapshot, ledger = await self._lifecycle.look(credentials)
        if not order.client_token:
            return await self._create(self._launching(credentials, order, ledger, self._reservation_id()), snapshot)
        async with self._turn(ledger.scope, order.client_token):
            return await self._create_once(credentials, order, ledger.scope)

    @asynccontextmanager
    async def _turn(self, scope: str, token: str) -> AsyncIterator[None]:
        """Be the only one who launches with a token meanwhile."""
        key = scope, token
        while key in self._under_way:
            waiting: Deferred[None] = Deferred()
            self._under_way[key].append(waiting)
            await waiting
        self._under_way[key] = []
        try:
            yield
        finally:
            for waiting in self._under_way.pop(key):
                waiting.callback(None)

    async def _create_once(self, credentials: Credentials, order: Order, scope: str) -> Launched:
        # What is there already is seen before the claim; what the claim leads to is seen after it.
        await self._lifecycle.look(credentials)
        token = order.client_token
        claim, earlier = await self._claim(credentials, order, scope)
        if claim.instance_ids:
            return Launched(claim.reservation_id, claim.instance_ids)
        launching: Launching | None = None
        try:
            snapshot, ledger = await self._lifecycle.look(credentials)
            launching = self._launching(credentials, order, ledger, claim.reservation_id)
            launched = await self._create(launching, snapshot, claim if earlier else None)
        except CloudError as error:
            # Whatever becomes of this attempt: what became of the one before is still not known.
            if earlier or error.ambiguous:
                before = claim.asked if earlier else 0.0
                asked = self._clock.seconds() if launching and launching.asked else before
                await self._tokens.keep(scope, token, evolve(claim, owner="", asked=asked))
            else:
                await self._tokens.free(scope, token)
            raise
        await self._tokens.keep(scope, token, evolve(claim, instance_ids=launched.instance_ids, owner=""))
        return launched

    def _launching(self, credentials: Credentials, order: Order, ledger: Ledger, reservation_id: str) -> Launching:
        return Launching(credentials, order, ledger, reservation_id, self._clock.seconds())

    def _since(self, at: float) -> float:
        """From when on, by this clock, instances can have come of what was begun at ``at`` by whatever clock."""
        return at - SKEW_SECONDS if self._store.shared else at

    async def _claim(self, credentials: Credentials, order: Order, scope: str) -> tuple[Claim, bool]:
        """Claim the order's token for this process; tells whether an earlier attempt was made with it.

        :raises IdempotencyMismatch: it came with another order.
        :raises BackendUnavailable: another process is at it, for too long to wait.
        """
        token, own = order.client_token, self._store.owner
        began = self._clock.seconds()
        while True:
            now = self._clock.seconds()
            claim = Claim(order.fingerprint(), now, self._reservation_id(), owner=own, asked=now)
            earlier = await self._tokens.claim(scope, token, claim)
            if earlier is None:
                return claim, False
            if earlier.fingerprint != claim.fingerprint:
                raise IdempotencyMismatch("The client token was used before, with other parameters.")
            if earlier.owner in ("", own) or not await self._store.lives(earlier.owner):
                taken = evolve(earlier, owner=own)
                if earlier.instance_ids or await self._tokens.replace(scope, token, earlier, taken):
                    return taken, True
                continue
            if self._clock.seconds() - began > ELSEWHERE_SECONDS:
                raise BackendUnavailable("A launch with this client token is under way.")
            await deferLater(self._clock, ELSEWHERE)
            # Whatever the other process has come to, nothing older is to be shown afterwards.
            self._lifecycle.distrust(credentials)

    async def _create(self, launching: Launching, snapshot: Snapshot[Instance], claim: Claim | None = None) -> Launched:
        """Create what was ordered.

        :param claim: that of an earlier attempt, with an outcome that is not known; None for the first time.
        """
        ledger, reservation_id = launching.ledger, launching.reservation_id
        # From here on instances may come to be that nobody but this record knows of.
        at = launching.at if claim is None else self._since(claim.at)
        self._begun.add(reservation_id)
        try:
            await ledger.ordered(reservation_id, {"order": launching.order.record(), "at": at}, launching.credentials)
            try:
                if claim is not None:
                    await self._look_for_earlier(launching, snapshot, claim)
                await self._carry_out(launching)
            except Exception:
                await ledger.delivered(reservation_id)
                raise
        finally:
            self._begun.discard(reservation_id)
        await ledger.delivered(reservation_id)
        created = launching.created
        views = tuple(view_of(instance, states.PENDING, ledger, launching.at) for instance in created.values())
        return Launched(reservation_id, tuple(created), views)

    async def _carry_out(self, launching: Launching) -> None:
        try:
            # One goes ahead: what the backend refuses, it is asked only once.
            await self._ask(launching, min(launching.missing, 1))
            if not launching.failures:
                await self._ask(launching, launching.missing)
            await self._find_lost(launching)
            if len(launching.created) < launching.order.least:
                raise launching.error()
        except Exception:
            for instance in launching.created.values():
                work = Work("terminate", instance, self._clock.seconds(), launching.ledger.owner)
                await self._lifecycle.pursue(launching.credentials, work)
            raise

    async def _look_for_earlier(self, launching: Launching, snapshot: Snapshot[Instance], claim: Claim) -> None:
        """Give what an earlier attempt may have led to some time to show before it is created again.

        :raises BackendUnavailable: it may still show later.
        """
        since = self._since(claim.at)
        await self._take_up(launching, snapshot, since)
        for pause in LOOKS_FOR_LOST:
            if launching.missing:
                await deferLater(self._clock, pause)
                snapshot, _ = await self._lifecycle.look(launching.credentials)
                await self._take_up(launching, snapshot, since)
        if launching.missing:
            now = self._clock.seconds()
            if now - claim.asked < self._doubt:
                raise BackendUnavailable("The cloud may still be creating what was asked for before.", ambiguous=True)
            # What is asked for from here on is in doubt, too, if this process dies.
            asked = evolve(claim, asked=now)
            await self._tokens.keep(launching.ledger.scope, launching.order.client_token, asked)

    async def _take_up(self, launching: Launching, snapshot: Snapshot[Instance], since: float) -> None:
        """Count in what an earlier attempt is known, or seems, to have created."""
        ledger = launching.ledger
        for instance_id, launch in ledger.launches.items():
            work = ledger.work.get(instance_id)
            unlisted = work.instance if work is not None and work.verb == "run" else None
            instance = snapshot.by_id.get(instance_id, unlisted)
            wanted = work is None or work.verb != "terminate"
            if launch.reservation_id == launching.reservation_id and instance is not None and wanted:
                launching.created[instance_id] = instance
        await self._adopt_unclaimed(launching, snapshot, since, launching.missing)

    def resume(self, credentials: Credentials, ledger: Ledger) -> None:
        """Take up the launches that are this process's and that it is not at: what was created is kept, no more is."""
        for reservation_id, pledge in list(ledger.orders.items()):
            if pledge.owner == ledger.owner and reservation_id not in self._begun:
                self._begun.add(reservation_id)
                resuming = Deferred.fromCoroutine(self._resume(credentials, ledger, reservation_id))
                self._resuming.add(resuming)
                resuming.addBoth(self._resumed, resuming, reservation_id)

    def _resumed(self, outcome: Failure | None, resuming: "Deferred[None]", reservation_id: str) -> None:
        self._resuming.discard(resuming)
        self._begun.discard(reservation_id)
        if isinstance(outcome, Failure) and not outcome.check(CancelledError):
            self._log.failure("A launch could not be taken up", outcome)

    async def stop(self) -> None:
        """Leave launches that are being taken up to the next process."""
        for resuming in list(self._resuming):
            resuming.cancel()

    async def _resume(self, credentials: Credentials, ledger: Ledger, reservation_id: str) -> None:
        record = ledger.order(reservation_id)
        order, since = Order.of(record["order"]), self._since(float(record["at"]))
        async with self._turn(ledger.scope, order.client_token or reservation_id):
            launching = Launching(credentials, order, ledger, reservation_id, since)
            looks = 0
            # The backend may still be at it, and may be down itself.
            while looks < len(LOOKS_FOR_LOST) and launching.missing and ledger.carries_out(reservation_id):
                await deferLater(self._clock, LOOKS_FOR_LOST[looks])
                try:
                    snapshot, _ = await self._lifecycle.look(credentials)
                except (BackendError, StateUnavailable) as error:
                    self._log.info("Cannot take up a launch yet: {reason}", reason=error.message)
                    continue
                looks += 1
                # Who asks again with its token takes it from here, maybe in another process.
                if ledger.carries_out(reservation_id):
                    await self._take_up(launching, snapshot, since)
            for instance in launching.created.values():
                if instance.id not in ledger.work:
                    work = Work("run", instance, self._clock.seconds(), ledger.owner)
                    await self._lifecycle.pursue(credentials, work)
            self._log.info("Took up {launch}: {count} created", launch=reservation_id, count=len(launching.created))
            await ledger.delivered(reservation_id)

    async def _ask(self, launching: Launching, count: int) -> None:
        credentials, scope = launching.credentials, launching.ledger.scope
        launching.asked = launching.asked or count > 0
        self._creating[scope] += count
        try:
            create = self._driver.instances.create
            outcomes = await settle(create(credentials, launching.order.spec) for _ in range(count))
            self._inventory.wrote(credentials, "instances")
            for outcome in outcomes:
                for instance in () if isinstance(outcome, Failure) else outcome:
                    await self._adopt(launching, instance)
        finally:
            self._creating[scope] -= count
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                if not isinstance(outcome.value, CloudError):
                    outcome.raiseException()
                launching.failures.append(outcome.value)

    async def _adopt(self, launching: Launching, instance: Instance, *, found: bool = False) -> None:
        order, index = launching.order, len(launching.created)
        # Before anything is awaited: others look at it, too.
        launching.created[instance.id] = instance
        launch = Launch(launching.reservation_id, index, order.client_token, launching.at)
        kept = await self._lifecycle.launched(
            launching.credentials,
            launching.ledger,
            instance,
            launch,
            tags=order.tags,
            attributes=order.attributes,
            user_data=order.spec.user_data if order.attributes.has_user_data else "",
            found=found,
        )
        if not kept:
            del launching.created[instance.id]

    async def _find_lost(self, launching: Launching) -> None:
        """Look for instances whose creation was not answered."""
        for pause in LOOKS_FOR_LOST:
            if not launching.lost:
                return
            await deferLater(self._clock, pause)
            try:
                snapshot, ledger = await self._lifecycle.look(launching.credentials)
            except CloudError as error:
                self._log.info("Cannot look for lost instances: {reason}", reason=error.message)
                continue
            # While others create some, what is new may be theirs.
            if not self._creating[ledger.scope]:
                before = len(launching.created)
                await self._adopt_unclaimed(launching, snapshot, launching.at, launching.lost)
                launching.found += len(launching.created) - before

    async def _adopt_unclaimed(
        self, launching: Launching, snapshot: Snapshot[Instance], since: float, most: int
    ) -> None:
        """Adopt up to ``most`` instances that came after ``since``, are nobody's and are what was ordered."""
        ledger, spec = launching.ledger, launching.order.spec
        if await self._others_launch(launching):
            return
        named = (await self._driver.capabilities(launching.credentials)).has_feature("instances", "user_name")
        for instance in snapshot.items:
            new = ledger.seen.get(instance.id, since) > since and instance.id not in ledger.launches
            if most and new and fits(instance, spec, named=named):
                most -= 1
                self._log.info("Found {instance}, whose creation was not answered", instance=instance.id)
                await self._adopt(launching, instance, found=True)

    async def _others_launch(self, launching: Launching) -> bool:
        """Whether another process is creating instances now: what is new may be its."""
        owners = launching.ledger.owners() & {pledge.owner for pledge in launching.ledger.orders.values()}
        for owner in owners:
            if await self._store.lives(owner):
                return True
        return False
