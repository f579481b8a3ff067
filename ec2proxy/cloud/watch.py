"""The picture of instances and the ledger beside it, kept in step."""

from twisted.internet.interfaces import IReactorTime

from ec2proxy.cloud import planner
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.interfaces import IStateStore
from ec2proxy.model import Credentials, Instance

TOMBSTONE_SECONDS = 3600.0
"""How long a terminated instance stays visible, as in EC2 ('about an hour')."""

MISSING_SECONDS = 3600.0
"""How long the records of an instance outlast it when it vanished without being asked to."""

TIDY_SECONDS = 60.0
"""How often such instances are looked for."""


class Watch:
    """Looks at a cloud's instances, and keeps the ledgers of their owners true to what is seen.

    :param region: the cloud's name; with the cloud user it names what is remembered.
    """

    def __init__(self, region: str, inventory: Inventory, store: IStateStore, clock: IReactorTime) -> None:
        self._region = region
        self._inventory = inventory
        self._store = store
        self._clock = clock
        self._ledgers: dict[str, Ledger] = {}

    async def ledger(self, credentials: Credentials) -> Ledger:
        """What is remembered for the caller's cloud user, who has proved to be it."""
        return await self._ledger(f"{self._region}/{credentials.user}")

    async def unfinished(self, kind: str) -> list[tuple[Credentials, Ledger]]:
        """The ledgers that have anything of ``kind``, ``work`` or ``order``, each with whose it is."""
        found = []
        for scope in await self._store.scopes(kind):
            if scope.partition("/")[0] == self._region:
                ledger = await self._ledger(scope)
                credentials = await ledger.credentials()
                if credentials is not None:
                    found.append((credentials, ledger))
        return found

    async def _ledger(self, scope: str) -> Ledger:
        known = self._ledgers.get(scope)
        if known is None:
            loaded = Ledger(self._store, scope)
            await loaded.load()
            # Another caller may have been faster: all must share one ledger.
            known = self._ledgers.setdefault(scope, loaded)
        return known

    async def look(self, credentials: Credentials) -> tuple[Snapshot[Instance], Ledger]:
        """The caller's instances, and what is remembered of them and of others.

        :raises CloudError: the backend does not show them, so the ledger is not shown either.
        """
        snapshot = await self._inventory.instances(credentials)
        ledger = await self.ledger(credentials)
        await self._forget_buried(snapshot, ledger)
        await ledger.first_seen((one.id for one in snapshot.items), self._clock.seconds())
        if self._clock.seconds() - ledger.tidied >= TIDY_SECONDS:
            await self._forget_missing(snapshot, ledger)
        return snapshot, ledger

    async def _forget_buried(self, snapshot: Snapshot[Instance], ledger: Ledger) -> None:
        now = self._clock.seconds()
        for instance_id, stone in list(ledger.tombstones.items()):
            # A picture that was begun after the burial and shows such an instance alive shows another with its id.
            listed = snapshot.by_id.get(instance_id) if snapshot.taken >= stone.at else None
            reused = listed is not None and listed.state.lower() not in planner.GONE
            if reused or now - stone.at > TOMBSTONE_SECONDS:
                await ledger.forget(instance_id)

    async def _forget_missing(self, snapshot: Snapshot[Instance], ledger: Ledger) -> None:
        now = ledger.tidied = self._clock.seconds()
        known = ledger.seen.keys() | ledger.launches.keys()
        missing = known - snapshot.by_id.keys() - ledger.work.keys() - ledger.tombstones.keys()
        ledger.missing = {instance_id: ledger.missing.get(instance_id, now) for instance_id in missing}
        for instance_id, since in list(ledger.missing.items()):
            if now - since > MISSING_SECONDS:
                await ledger.forget(instance_id)
