"""A caller's instances as EC2 promises them, kept from one look to the next.

What has not changed is the same object in the next roster, so others can keep what they made of it; and where nothing
has changed at all, the roster is the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import compress, islice
from operator import is_not
from typing import Any

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime

from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.slices import in_slices
from ec2proxy.cloud.view import InstanceView, listed_state, unlisted, view_of
from ec2proxy.ec2.states import InstanceState
from ec2proxy.flights import Flights
from ec2proxy.model import Credentials, Instance, StateMachine

MOST_VIEWS = 300_000
"""How many instances the rosters of one cloud may hold; the roster unused for longest goes first."""

_Made = tuple[object, ...]

_FEW = 4
"""Indexes are changed where at most that part of the instances has; else they are made anew."""

Values = Callable[[InstanceView], Iterable[Hashable]]

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
    _made: Mapping[str, _Made]
    views: Sequence[InstanceView]
    by_id: Mapping[str, InstanceView]
    changing: bool
    _indexes: dict[str, tuple[Values, Index]] = field(factory=dict, init=False)
    _sorted: list[tuple[Sequence[str], Sequence[InstanceView]]] = field(factory=list, init=False)

    def is_of(self, snapshot: Snapshot[Instance], ledger: Ledger, machine: StateMachine) -> bool:
        """Whether this is what one would make of these."""
        return self._machine is machine and self.is_as_of(snapshot, ledger)

    def is_as_of(self, snapshot: Snapshot[Instance], ledger: Ledger) -> bool:
        """Whether this is what one would make of these, if the backend has the same states as before."""
        return (
            self._items is snapshot.items
            and self._ledger is ledger
            and self._version == ledger.version
            and not self.changing
        )

    def index(self, name: str, values: Values) -> Index:
        """The instances by their values for something; made when it is first asked for.

        :param name: says what it is about, and so which ``values`` they are.
        """
        known = self._indexes.get(name)
        if known is None:
            index: dict[Hashable, list[int]] = {}
            for place, view in enumerate(self.views):
                for value in values(view):
                    index.setdefault(value, []).append(place)
            known = self._indexes[name] = values, index
        return known[1]

    def taking_over(self, older: "Roster") -> Iterator[None]:
        """Have the indexes of an older roster of the same instances, changed where those have; one in each step."""
        if len(older.views) != len(self.views):
            return
        changed = [(place, older.views[place], self.views[place]) for place in _differing(older.views, self.views)]
        if len(changed) > len(self.views) / _FEW or any(old.instance.id != new.instance.id for _, old, new in changed):
            return
        for name, (values, index) in list(older._indexes.items()):
            self._indexes[name] = values, _changed(index, values, changed)
            yield
        for ids, _ in older._sorted:
            self._sorted.append((ids, [self.by_id[each] for each in ids]))
            yield

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
        self._making: Flights[Credentials, Roster] = Flights()

    def made(self, credentials: Credentials) -> Roster | None:
        """The last roster of a caller's, of whatever picture; None where none is kept."""
        return self._kept.get(credentials)

    async def of(
        self, credentials: Credentials, snapshot: Snapshot[Instance], ledger: Ledger, machine: StateMachine
    ) -> Roster:
        """The roster of a caller's picture and ledger."""
        while True:
            kept = self._kept.get(credentials)
            if kept is not None and kept.is_of(snapshot, ledger, machine):
                self._kept.move_to_end(credentials)
                return kept
            flight = self._making.under_way(credentials)
            if flight is None:
                making = self._make(credentials, kept, snapshot, ledger, machine)
                return await self._making.begin(credentials, making)
            # It may be made just now.
            await flight.over()

    async def _make(
        self,
        credentials: Credentials,
        old: Roster | None,
        snapshot: Snapshot[Instance],
        ledger: Ledger,
        machine: StateMachine,
    ) -> Roster:
        version, made = ledger.version, {} if old is None else old._made
        same = old is not None and old._ledger is ledger and old._machine is machine
        touched = ledger.touched(old._version) if old is not None and same else None
        staying, listed = _staying(old, touched, snapshot)
        looked_at = await in_slices(self._clock, self._each(listed, made, touched, snapshot, ledger, machine))
        made = {**staying, **dict(looked_at)}
        if ledger.version != version:
            # It was changed between two slices. Now there is little left to make.
            version, touched = ledger.version, ledger.touched(version)
            made = dict(self._each(snapshot.items, made, touched, snapshot, ledger, machine))
        views: list[Any] = [each[-1] for each in made.values()]
        by_id = dict(zip(made, views, strict=True))
        changing = any(each[1] is None for each in made.values())
        roster = Roster(snapshot.items, ledger, version, machine, made, views, by_id, changing)
        if old is not None:
            await in_slices(self._clock, roster.taking_over(old))
        self._keep(credentials, roster)
        return roster

    def _each(
        self,
        listed: Iterable[Instance],
        made: Mapping[str, _Made],
        touched: Set[str] | None,
        snapshot: Snapshot[Instance],
        ledger: Ledger,
        machine: StateMachine,
    ) -> Iterator[tuple[str, _Made]]:
        """For each instance its id, and what its view is made of, the view last; the same as before if it can be.

        :param listed: those to be looked at of the ones that the backend lists.
        :param touched: the ids of what has changed in the ledger since; None if it may be anything.
        """
        now = self._clock.seconds()
        for instance in listed:
            key = instance.id
            old = made.get(key)
            if old is None or touched is None or key in touched or old[0] is not instance or old[1] is None:
                old = _view_made(old, instance, listed_state(instance, ledger, machine), ledger, now)
            yield key, old
        for instance, state in unlisted(snapshot, ledger):
            yield instance.id, _view_made(made.get(instance.id), instance, state, ledger, now)

    def _keep(self, credentials: Credentials, roster: Roster) -> None:
        replaced = self._kept.pop(credentials, None)
        self._kept[credentials] = roster
        self._views += len(roster.views) - (0 if replaced is None else len(replaced.views))
        while self._views > self._most_views and len(self._kept) > 1:
            _, forgotten = self._kept.popitem(last=False)
            self._views -= len(forgotten.views)


def _differing(old: Sequence[object], new: Sequence[object]) -> Iterator[int]:
    """Where another object stands in one than in the other, which is as long."""
    return compress(range(len(new)), map(is_not, old, new))


def _staying(
    old: Roster | None, touched: Set[str] | None, snapshot: Snapshot[Instance]
) -> tuple[Mapping[str, _Made], Iterable[Instance]]:
    """What is as it was of the instances that are listed, in their order; and those to be looked at.

    It is for when a few of many have changed: to look at 10,000 takes 10 ms.

    :param touched: as for :meth:`Rosters._each`.
    """
    items, by_id = snapshot.items, snapshot.by_id
    if old is None or touched is None or old.changing or not len(old._items) == len(items) == len(by_id):
        return {}, items
    differing = list(_differing(old._items, items))
    if any(old._items[place].id != items[place].id for place in differing):
        return {}, items
    ids = {items[place].id for place in differing}
    # Those that are not listed stand behind the others.
    return dict(islice(old._made.items(), len(items))), [by_id[key] for key in ids | touched if key in by_id]


def _changed(index: Index, values: Values, changed: Iterable[tuple[int, InstanceView, InstanceView]]) -> Index:
    """An index after some instances have changed.

    :param changed: their places, and what they were and are.
    """
    gone: dict[Hashable, set[int]] = {}
    come: dict[Hashable, set[int]] = {}
    for place, old, new in changed:
        for value in values(old):
            gone.setdefault(value, set()).add(place)
        for value in values(new):
            come.setdefault(value, set()).add(place)
    own = dict(index)
    for value in gone.keys() | come.keys():
        places = own.pop(value, ())
        if left := (set(places) - gone.get(value, set())) | come.get(value, set()):
            own[value] = sorted(left)
    return own


def _view_made(old: _Made | None, instance: Instance, state: InstanceState, ledger: Ledger, now: float) -> _Made:
    """A view after what it is made of; the old one if that is the same."""
    key = instance.id
    launch, tags, attributes = ledger.launches.get(key), ledger.tags.get(key), ledger.attributes.get(key)
    # None says that the view tells the present moment.
    since = launch or instance.launch_time or ledger.seen.get(key)
    if (
        old is not None
        and since is not None
        and old[0] is instance
        and old[1] == since
        and old[2] is state
        and old[3] is tags
        and old[4] is attributes
    ):
        return old
    return instance, since, state, tags, attributes, view_of(instance, state, ledger, now)
