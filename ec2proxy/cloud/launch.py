"""RunInstances: several instances or none, and never twice for the same token."""

import hashlib
import json
from collections.abc import Callable, Mapping

from attrs import asdict, define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud.deferring import settle, shielded
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Launch, Work
from ec2proxy.cloud.lifecycle import Lifecycle
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
    """

    spec: InstanceSpec
    least: int
    most: int
    client_token: str = ""
    tags: Mapping[str, str] = {}

    def fingerprint(self) -> str:
        """A digest that two orders share only if they ask for the same."""
        asked = asdict(self) | {"client_token": ""}
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
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._under_way: dict[tuple[str, str], list[Deferred[None]]] = {}

    async def launch(self, credentials: Credentials, order: Order) -> Launched:
        """Carry out an order, or find what it led to when it came before.

        It goes on when who waits for it leaves.

        :raises IdempotencyMismatch: its token came with another order.
        :raises OutcomeUnknown: it is not known whether instances were created, and a retry could not tell.
        :raises CloudError: fewer than ``least`` instances could be created; those that were are terminated.
        """
        if not order.client_token:
            return await shielded(self._create(credentials, order))
        return await shielded(self._create_once(credentials, order))

    async def _create_once(self, credentials: Credentials, order: Order) -> Launched:
        scope, token = (await self._lifecycle.ledger(credentials)).scope, order.client_token
        while (scope, token) in self._under_way:
            waiting: Deferred[None] = Deferred()
            self._under_way[scope, token].append(waiting)
            await waiting
        self._under_way[scope, token] = []
        try:
            # What is there already is seen before the claim; what the claim leads to is seen after it.
            await self._lifecycle.instances(credentials)
            claim: dict[str, object] = {"fingerprint": order.fingerprint(), "at": self._clock.seconds()}
            earlier = await self._store.put_new(scope, "token", token, claim)
            if earlier is not None and earlier["fingerprint"] != claim["fingerprint"]:
                raise IdempotencyMismatch("The client token was used before, with other parameters.")
            if earlier is not None and "instance_ids" in earlier:
                return Launched(str(earlier["reservation_id"]), tuple(earlier["instance_ids"]))  # type: ignore[arg-type]
            try:
                launched = await self._create(credentials, order, since=None if earlier is None else earlier["at"])  # type: ignore[arg-type]
            except CloudError as error:
                if not error.ambiguous:
                    await self._store.delete(scope, "token", token)
                raise
            told = {"reservation_id": launched.reservation_id, "instance_ids": launched.instance_ids}
            await self._store.put(scope, "token", token, claim | told)
            return launched
        finally:
            for waiting in self._under_way.pop((scope, token)):
                waiting.callback(None)

    async def _create(self, credentials: Credentials, order: Order, since: float | None = None) -> Launched:
        """Create what was ordered.

        :param since: when this was tried before, with an outcome that is not known; None for the first time.
        """
        launching = _Launching(order, "r-" + self._entropy(9).hex()[:17], self._clock.seconds())
        if since is not None:
            await self._look_for_lost(credentials, launching, since, order.most)
            launching.found = 0
        else:
            await self._lifecycle.instances(credentials)
        # One goes ahead: what the backend refuses, it is asked only once.
        await self._ask(credentials, launching, min(launching.missing, 1))
        if not launching.failures:
            await self._ask(credentials, launching, launching.missing)
        for pause in LOOKS_FOR_LOST if launching.lost else ():
            await deferLater(self._clock, pause)
            await self._look_for_lost(credentials, launching, launching.at, launching.lost)
        if len(launching.created) >= order.least:
            return await self._launched(credentials, launching)
        await self._roll_back(credentials, launching)
        raise launching.error(certain=bool(order.client_token))

    async def _launched(self, credentials: Credentials, launching: "_Launching") -> Launched:
        ledger = await self._lifecycle.ledger(credentials)
        created = launching.created.values()
        views = tuple(view_of(instance, states.PENDING, ledger, launching.at) for instance in created)
        return Launched(launching.reservation_id, tuple(launching.created), views)

    async def _ask(self, credentials: Credentials, launching: "_Launching", count: int) -> None:
        spec = launching.order.spec
        outcomes = await settle(self._driver.instances.create(credentials, spec) for _ in range(count))
        self._inventory.wrote(credentials, "instances")
        for outcome in outcomes:
            if not isinstance(outcome, Failure):
                for instance in outcome:
                    await self._adopt(credentials, launching, instance)
            elif isinstance(outcome.value, CloudError):
                launching.failures.append(outcome.value)
            else:
                outcome.raiseException()

    async def _adopt(self, credentials: Credentials, launching: "_Launching", instance: Instance) -> None:
        ledger = await self._lifecycle.ledger(credentials)
        order, index = launching.order, len(launching.created)
        launching.created[instance.id] = instance
        launch = Launch(launching.reservation_id, index, order.client_token, launching.at)
        await ledger.launched(instance.id, launch)
        if order.tags:
            await ledger.tag(instance.id, order.tags)
        await self._lifecycle.pursue(credentials, Work("run", instance, self._clock.seconds()))

    async def _look_for_lost(self, credentials: Credentials, launching: "_Launching", since: float, most: int) -> None:
        """Adopt up to ``most`` instances that came after ``since``, are nobody's and are what was ordered."""
        try:
            snapshot = await self._inventory.instances(credentials)
        except BackendError as error:
            self._log.info("Cannot look for lost instances: {reason}", reason=error.message)
            return
        ledger = await self._lifecycle.ledger(credentials)
        for instance in snapshot.items:
            new = ledger.seen.get(instance.id, self._clock.seconds()) > since
            if most and new and instance.id not in ledger.launches and _fits(instance, launching.order.spec):
                most -= 1
                launching.found += 1
                self._log.info("Found {instance}, whose creation was not answered", instance=instance.id)
                await self._adopt(credentials, launching, instance)

    async def _roll_back(self, credentials: Credentials, launching: "_Launching") -> None:
        for instance in launching.created.values():
            await self._lifecycle.pursue(credentials, Work("terminate", instance, self._clock.seconds()))


@define
class _Launching:
    """How far an order is carried out.

    :param at: epoch seconds when it began.
    :param found: how many of the created were lost for a while.
    """

    order: Order
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

    def error(self, *, certain: bool) -> CloudError:
        """What to tell the client of.

        :param certain: its retry is known to be one, so it may be told to retry what may have happened.
        """
        if self.lost and not certain:
            return OutcomeUnknown("The cloud did not answer; look whether it created instances before you try again.")
        return next((error for error in self.failures if error.ambiguous), self.failures[0])


def _fits(instance: Instance, spec: InstanceSpec) -> bool:
    """Whether ``instance`` can have come of ``spec``, by all that both say."""
    pairs = (
        (spec.image_id, instance.image_id),
        (spec.hardware_profile_id, instance.hardware_profile_id),
        (spec.realm_id, instance.realm_id),
        (spec.name, instance.name),
        (spec.keyname, instance.keyname),
    )
    return all(asked in ("", got) or got == "" for asked, got in pairs)
