"""RunInstances: several instances or none, and never twice for the same token."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from attrs import asdict, define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud.attributes import Attributes, from_record
from ec2proxy.cloud.deferring import settle, shielded
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Launch, Ledger, Work
from ec2proxy.cloud.lifecycle import Lifecycle
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.tokens import Claim, Tokens
from ec2proxy.cloud.view import InstanceView, view_of
from ec2proxy.ec2 import states
from ec2proxy.errors import BackendError, CloudError, IdempotencyMismatch, OutcomeUnknown
from ec2proxy.interfaces import ICloudDriver, IStateStore
from ec2proxy.model import Credentials, Instance, InstanceSpec

LOOKS_FOR_LOST = (1.0, 2.0, 4.0)
"""Seconds to wait before each look for an instance whose creation was not answered."""


@frozen
class Order:
    """What is to be launched.

    :param least: how many instances there must be; with fewer there are none.
    :param most: how many are asked for.
    :param client_token: the same token never launches twice; empty for none.
    :param tags: of each instance.
    :param attributes: of each instance.
    """

    spec: InstanceSpec
    least: int
    most: int
    client_token: str = ""
    tags: Mapping[str, str] = {}
    attributes: Attributes = Attributes()

    def record(self) -> dict[str, Any]:
        """The order as JSON can hold it; it holds the user data."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Order":
        """The order that :meth:`record` gave."""
        spec = dict(record["spec"])
        spec["firewall_ids"] = tuple(spec["firewall_ids"])
        kept = {"spec": InstanceSpec(**spec), "attributes": from_record(record["attributes"])}
        return cls(**{**record, **kept})

    def fingerprint(self) -> str:
        """A digest that two orders share only if they ask for the same."""
        asked = self.record() | {"client_token": ""}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@frozen
class Launched:
    """What came of an order: the instances, as ids, in order.

    :param views: the instances as they were created; empty where the order had been carried out before.
    """

    reservation_id: str
    instance_ids: tuple[str, ...]
    views: tuple[InstanceView, ...] = ()


class Launcher:
    """Launches instances in one cloud.

    :param entropy: gives that many random bytes, for reservation ids.
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
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._lifecycle = lifecycle
        self._tokens = Tokens(store, clock)
        self._clock = clock
        self._entropy = entropy
        self._under_way: dict[tuple[str, str], list[Deferred[None]]] = {}
        self._creating: Counter[str] = Counter()
        self._resuming: set[Deferred[None]] = set()

    async def launch(self, credentials: Credentials, order: Order) -> Launched:
        """Carry out an order, or find what it led to when it came before.

        It goes on when who waits for it leaves.

        :raises IdempotencyMismatch: its token came with another order.
        :raises OutcomeUnknown: it is not known whether instances were created, and a retry could not tell.
        :raises CloudError: fewer than ``least`` instances could be created; those that were are terminated.
        """
        if not order.client_token:
            return await shielded(self._create(credentials, order, self._reservation_id()))
        return await shielded(self._create_in_turn(credentials, order))

    def _reservation_id(self) -> str:
        return "r-" + self._entropy(9).hex()[:17]

    async def _create_in_turn(self, credentials: Credentials, order: Order) -> Launched:
        """Wait for launches with the same token before going ahead."""
        # Looking comes first: it proves who asks.
        _, ledger = await self._lifecycle.look(credentials)
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
        claim = Claim(order.fingerprint(), self._clock.seconds(), self._reservation_id())
        earlier = await self._tokens.claim(scope, order.client_token, claim)
        if earlier is None:
            try:
                launched = await self._create(credentials, order, claim.reservation_id)
            except CloudError as error:
                if not error.ambiguous:
                    await self._tokens.free(scope, order.client_token)
                raise
        else:
            claim = earlier
            if claim.fingerprint != order.fingerprint():
                raise IdempotencyMismatch("The client token was used before, with other parameters.")
            if claim.instance_ids:
                return Launched(claim.reservation_id, claim.instance_ids)
            # Whatever becomes of this attempt: what became of the one before is still not known.
            launched = await self._create(credentials, order, claim.reservation_id, since=claim.at)
        await self._tokens.keep(scope, order.client_token, evolve(claim, instance_ids=launched.instance_ids))
        return launched

    async def _create(
        self, credentials: Credentials, order: Order, reservation_id: str, since: float | None = None
    ) -> Launched:
        """Create what was ordered.

        :param since: when this was tried before, with an outcome that is not known; None for the first time.
        """
        snapshot, ledger = await self._lifecycle.look(credentials)
        launching = _Launching(credentials, order, ledger, reservation_id, self._clock.seconds())
        # From here on instances may come to be that nobody but this record knows of.
        at = launching.at if since is None else since
        await ledger.ordered(reservation_id, {"order": order.record(), "at": at}, credentials)
        try:
            if since is not None:
                await self._look_for_earlier(launching, snapshot, since)
            # One goes ahead: what the backend refuses, it is asked only once.
            await self._ask(launching, min(launching.missing, 1))
            if not launching.failures:
                await self._ask(launching, launching.missing)
            await self._find_lost(launching)
            if len(launching.created) < order.least:
                raise launching.error()
        except Exception:
            for instance in launching.created.values():
                await self._lifecycle.pursue(credentials, Work("terminate", instance, self._clock.seconds()))
            await ledger.delivered(reservation_id)
            raise
        await ledger.delivered(reservation_id)
        created = launching.created
        views = tuple(view_of(instance, states.PENDING, ledger, launching.at) for instance in created.values())
        return Launched(reservation_id, tuple(created), views)

    async def _look_for_earlier(self, launching: "_Launching", snapshot: Snapshot[Instance], since: float) -> None:
        """Give what an earlier attempt may have led to some time to show before it is created again."""
        await self._take_up(launching, snapshot, since)
        for pause in LOOKS_FOR_LOST:
            if launching.missing:
                await deferLater(self._clock, pause)
                snapshot, _ = await self._lifecycle.look(launching.credentials)
                await self._take_up(launching, snapshot, since)

    async def _take_up(self, launching: "_Launching", snapshot: Snapshot[Instance], since: float) -> None:
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

    async def resume(self) -> None:
        """Take up the launches that an earlier process left unfinished: keep what was created, create no more."""
        for credentials, ledger in await self._lifecycle.unfinished_orders():
            for reservation_id, record in list(ledger.orders.items()):
                resuming = Deferred.fromCoroutine(self._resume(credentials, ledger, reservation_id, record))
                self._resuming.add(resuming)
                resuming.addBoth(self._resumed, resuming)

    def _resumed(self, outcome: Failure | None, resuming: "Deferred[None]") -> None:
        self._resuming.discard(resuming)
        if isinstance(outcome, Failure) and not outcome.check(CancelledError):
            self._log.failure("A launch could not be taken up", outcome)

    async def stop(self) -> None:
        """Leave launches that are being taken up to the next process."""
        for resuming in list(self._resuming):
            resuming.cancel()

    async def _resume(
        self, credentials: Credentials, ledger: Ledger, reservation_id: str, record: Mapping[str, Any]
    ) -> None:
        order, since = Order.of(record["order"]), float(record["at"])
        async with self._turn(ledger.scope, order.client_token or reservation_id):
            launching = _Launching(credentials, order, ledger, reservation_id, since)
            looks = 0
            # The backend may still be at it, and may be down itself.
            while looks < len(LOOKS_FOR_LOST) and launching.missing and reservation_id in ledger.orders:
                await deferLater(self._clock, LOOKS_FOR_LOST[looks])
                try:
                    snapshot, _ = await self._lifecycle.look(credentials)
                except BackendError as error:
                    self._log.info("Cannot take up a launch yet: {reason}", reason=error.message)
                    continue
                looks += 1
                await self._take_up(launching, snapshot, since)
            for instance in launching.created.values():
                if instance.id not in ledger.work:
                    await self._lifecycle.pursue(credentials, Work("run", instance, self._clock.seconds()))
            self._log.info("Took up {launch}: {count} created", launch=reservation_id, count=len(launching.created))
            await ledger.delivered(reservation_id)

    async def _ask(self, launching: "_Launching", count: int) -> None:
        credentials, scope = launching.credentials, launching.ledger.scope
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

    async def _adopt(self, launching: "_Launching", instance: Instance) -> None:
        order, ledger, index = launching.order, launching.ledger, len(launching.created)
        launching.created[instance.id] = instance
        launch = Launch(launching.reservation_id, index, order.client_token, launching.at)
        await ledger.launched(instance.id, launch)
        if order.tags:
            await ledger.tag(instance.id, order.tags)
        if order.attributes != Attributes():
            await ledger.set_attributes(instance.id, order.attributes, order.spec.user_data)
        await self._lifecycle.pursue(launching.credentials, Work("run", instance, self._clock.seconds()))

    async def _find_lost(self, launching: "_Launching") -> None:
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
        self, launching: "_Launching", snapshot: Snapshot[Instance], since: float, most: int
    ) -> None:
        """Adopt up to ``most`` instances that came after ``since``, are nobody's and are what was ordered."""
        ledger, spec = launching.ledger, launching.order.spec
        named = (await self._driver.capabilities(launching.credentials)).has_feature("instances", "user_name")
        for instance in snapshot.items:
            new = ledger.seen.get(instance.id, since) > since and instance.id not in ledger.launches
            if most and new and _fits(instance, spec, named=named):
                most -= 1
                self._log.info("Found {instance}, whose creation was not answered", instance=instance.id)
                await self._adopt(launching, instance)


@define
class _Launching:
    """How far an order is carried out.

    :param at: epoch seconds when it began.
    :param found: how many of the created were lost for a while.
    """

    credentials: Credentials
    order: Order
    ledger: Ledger
    reservation_id: str
    at: float
    created: dict[str, Instance] = field(factory=dict)
    failures: list[CloudError] = field(factory=list)
    found: int = 0

    @property
    def missing(self) -> int:
        """How many instances have not been created."""
        return max(self.order.most - len(self.created), 0)

    @property
    def lost(self) -> int:
        """How many calls may have created an instance that has not been found."""
        return max(sum(error.ambiguous for error in self.failures) - self.found, 0)

    def error(self) -> CloudError:
        """What to tell the client of. With a token it can retry what may have happened; without, it must not."""
        if self.lost and not self.order.client_token:
            return OutcomeUnknown("The cloud did not answer; look whether it created instances before you try again.")
        ordered = sorted(self.failures, key=lambda error: error.ambiguous, reverse=bool(self.lost))
        return ordered[0]


def _fits(instance: Instance, spec: InstanceSpec, *, named: bool) -> bool:
    """Whether ``instance`` can have come of ``spec``, by all that both say.

    :param named: whether this backend takes names.
    """
    pairs = (
        (spec.image_id, instance.image_id),
        (spec.hardware_profile_id, instance.hardware_profile_id),
        (spec.realm_id, instance.realm_id),
        (spec.name if named else "", instance.name),
        (spec.keyname, instance.keyname),
    )
    return all(asked in ("", got) or got == "" for asked, got in pairs)
