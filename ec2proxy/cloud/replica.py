"""A copy of one scope of a state store, kept in memory, changed with it, and brought up to what others have changed."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred

from ec2proxy.cloud.deferring import shielded
from ec2proxy.cloud.entries import KINDS
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.state.notices import scope_of_ledger
from ec2proxy.state.stamps import NONE, following

Name = tuple[str, str]
"""Kind and key."""

Changes = Mapping[Name, Any]
"""Values to keep by kind and key, None for what is to go. Of kinds that are not copied they are records."""

_REMEMBERED = 1000
"""How many changes are known apart."""


@define(eq=False)
class _Change:
    """A change that was made in memory and is on its way to the store.

    :param before: the stamp that it rests on.
    :param after: the stamp that it leaves.
    :param undo: what was there before.
    """

    before: str
    after: str
    undo: Changes


class Replica:
    """The values of one scope.

    A change is made in memory at once, so that no two callers act on the same past, and its method returns when it is
    stored. The store refuses it where another process came between; then it is undone, what the others did is read,
    and it is worked out anew from that.

    :ivar told_as: the epochs' scope of its changes.
    :ivar version: another one after each change of what is here.
    """

    def __init__(self, store: IStateStore, scope: str, epochs: IEpochs) -> None:
        self._store = store
        self.scope = scope
        self._epochs = epochs
        self.told_as = scope_of_ledger(scope)
        self.tables: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self.version = 0
        self._touched: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        # The stamp of the last change that is stored, and the one that the last on its way will leave.
        self._known: str | None = None
        self._latest = NONE
        self._under_way: list[_Change] = []
        self._epoch: int | None = None
        # Changes whose outcome is not known.
        self._doubts = 0
        self._reading: tuple[int, list[Deferred[None]]] | None = None

    @property
    def fresh(self) -> bool:
        """Whether all is here that any process has changed, and been answered, until now."""
        return self._is_fresh(self._epochs.of(self.told_as))

    def _is_fresh(self, epoch: int) -> bool:
        alone = self._known is not None and not self._store.shared
        return (self._epoch == epoch or alone) and not self._doubts

    async def refresh(self) -> None:
        """See to it that this is :attr:`fresh`.

        :raises StateUnavailable: that cannot be found out.
        """
        epoch = self._epochs.of(self.told_as)
        if self._is_fresh(epoch):
            return
        if self._reading is not None and self._reading[0] == epoch:
            joined: Deferred[None] = Deferred()
            self._reading[1].append(joined)
            await joined
            return
        await shielded(self._refresh(epoch))

    async def _refresh(self, epoch: int) -> None:
        readers: list[Deferred[None]] = []
        reading = self._reading = epoch, readers
        try:
            await self._catch_up()
        except Exception as error:
            for reader in readers:
                reader.errback(error.with_traceback(None))
            raise
        finally:
            if self._reading is reading:
                self._reading = None
        self._epoch = epoch
        for reader in readers:
            reader.callback(None)

    def change(self, work_out: Callable[[], Changes]) -> "Deferred[None]":
        """Change something.

        It is done also when who waits for it leaves.

        :param work_out: tells the changes, from what is here when it is called; it may be called again. What it raises
            is raised, and nothing is changed.
        :raises StateUnavailable: it could not be stored, or that is not known.
        """
        return shielded(self._change(work_out))

    async def _change(self, work_out: Callable[[], Changes]) -> None:
        if self._known is None:
            await self._catch_up()
        while True:
            wanted = {name: value for name, value in work_out().items() if value is not None or self._may_have(name)}
            if not wanted:
                return
            records = {name: _record(name, value) for name, value in wanted.items()}
            change = self._make(wanted)
            try:
                stored = await self._store.change(self.scope, change.before, change.after, records)
            except Exception:
                # What is not known to be stored is not so, until it is found to be: by the others, too.
                self._take_back(change)
                self._doubts += 1
                self._epochs.bump(self.told_as)
                raise
            if stored:
                await self._made(change)
                return
            self._take_back(change)
            await self._catch_up()

    def _may_have(self, name: Name) -> bool:
        kind, key = name
        return kind not in self.tables or key in self.tables[kind]

    def _make(self, wanted: Changes) -> _Change:
        undo = {(kind, key): self.tables[kind].get(key) for kind, key in wanted if kind in self.tables}
        change = _Change(self._latest, following(self._latest), undo)
        self._under_way.append(change)
        self._latest = change.after
        self._set(wanted)
        return change

    async def _made(self, change: _Change) -> None:
        before = self._epochs.of(self.told_as)
        self._epochs.bump(self.told_as)
        if change not in self._under_way:
            # It was given up for lost.
            await self._catch_up()
            return
        self._under_way.remove(change)
        self._known = change.after
        # Grown by more than one, others have changed something too.
        if self._epoch == before and self._epochs.of(self.told_as) == before + 1:
            self._epoch = before + 1

    def _take_back(self, change: _Change) -> None:
        """Undo a change, and those that rest on it."""
        if change in self._under_way:
            first = self._under_way.index(change)
            for each in reversed(self._under_way[first:]):
                self._set(each.undo)
            del self._under_way[first:]
            self._latest = change.before

    async def _catch_up(self) -> None:
        """Read what is not here yet."""
        doubts = self._doubts
        stamp, whole, records = await self._store.read(self.scope, self._known, tuple(KINDS))
        if stamp != self._known:
            if self._under_way:
                self._take_back(self._under_way[0])
            self._known = self._latest = stamp
            gone = dict.fromkeys(self._names()) if whole else {}
            self._set({name: self._value(name, record) for name, record in (gone | dict(records)).items()})
        self._doubts -= doubts

    def _names(self) -> list[Name]:
        return [(kind, key) for kind, table in self.tables.items() for key in table]

    def _value(self, name: Name, record: Mapping[str, Any] | None) -> Any:
        if record is None:
            return None
        kind, key = name
        to_record, from_record = KINDS[kind]
        here = self.tables[kind].get(key)
        # What has not changed stays the same object: others keep what they made of it.
        return here if here is not None and to_record(here) == record else from_record(record)

    def _set(self, values: Changes) -> None:
        for (kind, key), value in values.items():
            if kind in self.tables:
                if value is None:
                    self.tables[kind].pop(key, None)
                else:
                    self.tables[kind][key] = value
        self.version += 1
        self._touched.extend((self.version, key) for _, key in values)

    def touched(self, since: int) -> set[str] | None:
        """The keys of what has changed since a version; None where they were too many to be remembered."""
        if len(self._touched) == _REMEMBERED and self._touched[0][0] > since:
            return None
        return {key for version, key in self._touched if version > since}


def _record(name: Name, value: Any) -> Mapping[str, object] | None:
    if value is None or name[0] not in KINDS:
        record: Mapping[str, object] | None = value
        return record
    return KINDS[name[0]][0](value)
