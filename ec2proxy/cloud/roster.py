"""A caller's instances as EC2 promises them, kept from one look to the next.

What has not changed is the same object in the next roster, so others can keep what they made of it; and where nothing
has changed at all, the roster is the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.slices import in_slices
from ec2proxy.cloud.view import InstanceView, shown, view_of
from ec2proxy.model import Credentials, Instance, StateMachine

MOST_VIEWS = 300_000
"""How many instances the rosters of one cloud may hold; the roster unused for longest goes first."""

Index = Mapping[Hashable, Sequence[int]]
"""The places in a roster, in their order, of the instances that have some value."""


@frozen(eq=False)
class Roster:
    """Every instance that EC2 would describe to a caller, as of one picture and one version of the ledger.

    :param views: in the order in which they are described.
    :param by_id: the same by identifier.
    :param changing: whether they may change though neither picture nor ledger does.
    """

    _items: Sequence[Instance]
    _ledger: Ledger
    _version: int
    _machine: StateMachine
    _made: Mapping[str, tuple[object, ...]]
    views: Sequence[InstanceView]
    by_id: Mapping[str, InstanceView]
    changing: bool
    _indexes: dict[str, Index] = field(factory=dict, init=False)
    _sorted: list[tuple[Sequence[str], Sequence[InstanceView]]] = field(factory=list, init=False)

    def is_of(self, snapshot: Snapshot[Instance], ledger: Ledger, machine: StateMachine) -> bool:
        """Whether this is what one would make of these."""
        return (
            self._items is snapshot.items
            and self._ledger is ledger
            and self._version == ledger.version
            and self._machine is machine
            and not self.changing
        )

    def index(self, name: str, values: Callable[[InstanceView], Iterable[Hashable]]) -> Index:
        """The instances by their values for something; made when it is first asked for.

        :param name: says what it is about, and so which ``values`` they are.
        """
        index = self._indexes.get(name)
        if index is None:
            found: dict[Hashable, list[int]] = {}
            for place, view in enumerate(self.views):
                for value in values(view):
                    found.setdefault(value, []).append(place)
            index = self._indexes[name] = found
        return index

    def in_order(self) -> tuple[Sequence[str], Sequence[InstanceView]]:
        """The identifiers, sorted, and the instances in the same order."""
        if not self._sorted:
            ids = sorted(self.by_id)
            self._sorted.append((ids, [self.by_id[each] for each in ids]))
        return self._sorted[0]


class Rosters:
    """The rosters of one cloud, each kept for the credentials that its picture was fetched with.

    :param clock: tells the time, and measures the slices in which a long roster is made.
    """

    def __init__(self, clock: IReactorTime, most_views: int = MOST_VIEWS) -> None:
        self._clock = clock
        self._most_views = most_views
        self._views = 0
        self._kept: OrderedDict[Credentials, Roster] = OrderedDict()
        self._locks: dict[Credentials, DeferredLock] = {}

    async def of(
        self, credentials: Credentials, snapshot: Snapshot[Instance], ledger: Ledger, machine: StateMachine
    ) -> Roster:
        """The roster of a caller's picture and ledger."""
        kept = self._kept.get(credentials)
        if kept is not None and kept.is_of(snapshot, ledger, machine):
            self._kept.move_to_end(credentials)
            return kept
        # Made once for all who ask for it meanwhile.
        lock = self._locks.setdefault(credentials, DeferredLock())
        await lock.acquire()
        try:
            kept = self._kept.get(credentials)
            if kept is None or not kept.is_of(snapshot, ledger, machine):
                kept = await self._make(kept, snapshot, ledger, machine)
                self._keep(credentials, kept)
            return kept
        finally:
            lock.release()
            if not lock.locked:
                self._locks.pop(credentials, None)

    async def _make(
        self, old: Roster | None, snapshot: Snapshot[Instance], ledger: Ledger, machine: StateMachine
    ) -> Roster:
        version = ledger.version
        made = dict(
            await in_slices(self._clock, self._each({} if old is None else old._made, snapshot, ledger, machine))
        )
        if ledger.version != version:
            # It was changed between two slices. Now there is little left to make.
            version = ledger.version
            made = dict(self._each(made, snapshot, ledger, machine))
        views: list[Any] = [each[-1] for each in made.values()]
        by_id = dict(zip(made, views, strict=True))
        changing = any(each[1] is None for each in made.values())
        return Roster(snapshot.items, ledger, version, machine, made, views, by_id, changing)

    def _each(
        self,
        made: Mapping[str, tuple[object, ...]],
        snapshot: Snapshot[Instance],
        ledger: Ledger,
        machine: StateMachine,
    ) -> Iterator[tuple[str, tuple[object, ...]]]:
        """For each instance its id, and what its view is made of, the view last; the same as before if it can be."""
        now = self._clock.seconds()
        launches, seen, tags, attributes = ledger.launches, ledger.seen, ledger.tags, ledger.attributes
        for instance, state in shown(snapshot, ledger, machine):
            key = instance.id
            launch = launches.get(key)
            # None says that the view tells the present moment.
            since = launch or instance.launch_time or seen.get(key)
            own, set_by_client = tags.get(key), attributes.get(key)
            old = made.get(key)
            if (
                old is None
                or since is None
                or old[0] is not instance
                or old[1] != since
                or old[2] is not state
                or old[3] is not own
                or old[4] is not set_by_client
            ):
                view = view_of(instance, state, ledger, now)
                old = instance, since, state, own, set_by_client, view
            yield key, old

    def _keep(self, credentials: Credentials, roster: Roster) -> None:
        replaced = self._kept.pop(credentials, None)
        self._kept[credentials] = roster
        self._views += len(roster.views) - (0 if replaced is None else len(replaced.views))
        while self._views > self._most_views and len(self._kept) > 1:
            _, forgotten = self._kept.popitem(last=False)
            self._views -= len(forgotten.views)
