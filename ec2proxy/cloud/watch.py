"""The picture of instances and the ledger beside it, kept in step."""

from collections import OrderedDict
from weakref import WeakKeyDictionary

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ec2proxy.cloud import planner
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.notes import NOTES
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.model import Credentials, Instance
from ec2proxy.state.notices import scope_of_ledger

TOMBSTONE_SECONDS = 3600.0
"""How long a terminated instance stays visible, as in EC2 ('about an hour')."""

MISSING_SECONDS = 3600.0
"""How long the records of an instance outlast it when it vanished without being asked to."""

TIDY_SECONDS = 60.0
"""How often such instances are looked for."""

MOST_LEDGERS = 5000
"""How many ledgers are kept in memory; of those with nothing unfinished the one unused for longest goes first."""

_AT_ONCE = 250
"""How many new instances are remembered in one go; that takes some milliseconds."""


@frozen(eq=False)
class _Held:
    """That a ledger is true to a picture: nothing has to be changed about it.

    :param version: the ledger's.
    :param since: the clock's seconds at which that was found.
    :param until: those at which something has to be forgotten, or looked for.
    """

    snapshot: Snapshot[Instance]
    version: int
    since: float
    until: float

    def stands(self, snapshot: Snapshot[Instance], version: int, now: float) -> bool:
        """Whether it is so now, of this picture."""
        return self.snapshot is snapshot and self.version == version and self.since <= now < self.until


class Watch:
    """Looks at a cloud's instances, and keeps the ledgers of their owners true to what is seen.

    :param region: the cloud's name; with the cloud user it names what is remembered.
    :param epochs: tell when others have changed what is remembered.
    """

    def __init__(
        self,
        region: str,
        inventory: Inventory,
        store: IStateStore,
        clock: IReactorTime,
        epochs: IEpochs,
        most_ledgers: int = MOST_LEDGERS,
    ) -> None:
        self._region = region
        self._inventory = inventory
        self._store = store
        self._clock = clock
        self._epochs = epochs
        self._most_ledgers = most_ledgers
        self._ledgers: OrderedDict[str, Ledger] = OrderedDict()
        self._held: WeakKeyDictionary[Ledger, _Held] = WeakKeyDictionary()

    async def ledger(self, credentials: Credentials) -> Ledger:
        """What is remembered for the caller's cloud user, who has proved to be it."""
        ledger = await self._ledger(f"{self._region}/{credentials.user}")
        self._noted(credentials, ledger, whole=True)
        return ledger

    def _noted(self, credentials: Credentials, ledger: Ledger, whole: bool) -> None:
        notes = NOTES.get()
        if notes is not None:
            notes.remembered(credentials, ledger, whole)

    def remembered(self, credentials: Credentials) -> Ledger | None:
        """What is remembered for the caller's cloud user, if it is in memory."""
        return self._ledgers.get(f"{self._region}/{credentials.user}")

    def ledgers(self) -> dict[str, Ledger]:
        """The ledgers that are in memory, by cloud user."""
        return {scope.partition("/")[2]: ledger for scope, ledger in self._ledgers.items()}

    async def unfinished(self) -> list[Ledger]:
        """The ledgers that have anything unfinished."""
        scopes = {*await self._store.scopes("work"), *await self._store.scopes("order")}
        return [await self._ledger(scope) for scope in sorted(scopes) if scope.partition("/")[0] == self._region]

    def distrust(self, credentials: Credentials) -> None:
        """Look at everything anew when it is next asked for: another process has been at work a moment ago."""
        self._inventory.wrote(credentials, "instances")
        self._epochs.bump(scope_of_ledger(f"{self._region}/{credentials.user}"))

    async def _ledger(self, scope: str) -> Ledger:
        ledger = self._ledgers.get(scope)
        if ledger is None:
            self._make_room()
            ledger = self._ledgers[scope] = Ledger(self._store, scope, self._epochs)
        self._ledgers.move_to_end(scope)
        await ledger.refresh()
        return ledger

    def _make_room(self) -> None:
        """Forget ledgers, but none with anything unfinished: its pursuers know that one only."""
        excess = len(self._ledgers) + 1 - self._most_ledgers
        if excess > 0:
            for scope in [scope for scope, ledger in self._ledgers.items() if not ledger.needed][:excess]:
                del self._ledgers[scope]

    async def look(self, credentials: Credentials, whole: bool = True) -> tuple[Snapshot[Instance], Ledger]:
        """The caller's instances, and what is remembered of them and of others.

        :param whole: whether all of that matters; else who asks notes himself what does.
        :raises CloudError: the backend does not show them, so the ledger is not shown either.
        """
        snapshot = await self._inventory.instances(credentials, whole)
        ledger = await self._ledger(f"{self._region}/{credentials.user}")
        held = self._held.get(ledger)
        if held is None or not held.stands(snapshot, ledger.version, self._clock.seconds()):
            held = await self._hold(snapshot, ledger)
        self._noted(credentials, ledger, whole)
        notes = NOTES.get()
        if notes is not None:
            notes.watched = True
            notes.until = min(notes.until, held.until)
        return snapshot, ledger

    def true_until(self, credentials: Credentials, snapshot: Snapshot[Instance]) -> float | None:
        """The clock's seconds until which to :meth:`look` at this picture would change nothing in the ledger.

        :returns: None where it may change something now.
        """
        ledger = self.remembered(credentials)
        held = None if ledger is None else self._held.get(ledger)
        if ledger is None or held is None or not held.stands(snapshot, ledger.version, self._clock.seconds()):
            return None
        return held.until

    async def _hold(self, snapshot: Snapshot[Instance], ledger: Ledger) -> "_Held":
        """Hold a ledger against a picture, and make it true."""
        version, now = ledger.version, self._clock.seconds()
        await self._forget_buried(snapshot, ledger)
        new = [each for each in snapshot.by_id if each not in ledger.seen]
        for start in range(0, len(new), _AT_ONCE):
            if start:
                await deferLater(self._clock, 0)
            await ledger.first_seen(new[start : start + _AT_ONCE], now)
        if now - ledger.tidied >= TIDY_SECONDS:
            await self._forget_missing(snapshot, ledger)
        until = ledger.tidied + TIDY_SECONDS
        if ledger.tombstones:
            until = min(until, min(stone.at for stone in ledger.tombstones.values()) + TOMBSTONE_SECONDS)
        held = _Held(snapshot, ledger.version, now, until)
        if ledger.version == version:
            # Else others may have changed something meanwhile that this has not looked at.
            self._held[ledger] = held
        return held

    async def _forget_buried(self, snapshot: Snapshot[Instance], ledger: Ledger) -> None:
        now, gone = self._clock.seconds(), []
        for instance_id, stone in ledger.tombstones.items():
            # A picture that was begun after the burial and shows such an instance alive shows another with its id.
            listed = snapshot.by_id.get(instance_id) if snapshot.taken >= stone.at else None
            reused = listed is not None and listed.state.lower() not in planner.GONE
            if reused or now - stone.at > TOMBSTONE_SECONDS:
                gone.append(instance_id)
        if gone:
            await ledger.forget(*gone)

    async def _forget_missing(self, snapshot: Snapshot[Instance], ledger: Ledger) -> None:
        now = ledger.tidied = self._clock.seconds()
        known = ledger.seen.keys() | ledger.launches.keys()
        missing = known - snapshot.by_id.keys() - ledger.work.keys() - ledger.tombstones.keys()
        ledger.missing = {instance_id: ledger.missing.get(instance_id, now) for instance_id in missing}
        if gone := [each for each, since in ledger.missing.items() if now - since > MISSING_SECONDS]:
            await ledger.forget(*gone)
