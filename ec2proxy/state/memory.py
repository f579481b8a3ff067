"""A state store that forgets when the process ends."""

import os
from collections.abc import Mapping, Sequence

from attrs import define, field
from zope.interface import implementer

from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.state.errors import StateError
from ec2proxy.state.seal import KEY_BYTES, Seal
from ec2proxy.state.stamps import NONE
from ec2proxy.state.text import decode, encode, row

KEPT = 512
"""How many changes of a scope are kept, so that who knows an older state reads no more than they changed."""


@define
class _Scope:
    """What is remembered of one scope.

    :param values: texts, by kind and key.
    :param changes: the latest: the stamp that each left, and what it changed.
    """

    stamp: str = NONE
    values: dict[tuple[str, str], str] = field(factory=dict)
    changes: list[tuple[str, frozenset[tuple[str, str]]]] = field(factory=list)

    def since(self, stamp: str) -> set[tuple[str, str]] | None:
        """What was changed since then; None where that is not known any more."""
        stamps = [each for each, _ in self.changes]
        if stamp not in stamps:
            return None
        return {name for _, names in self.changes[stamps.index(stamp) + 1 :] for name in names}


@define
class _Shared:
    """What several stores in one process share.

    :param owners: those that live.
    """

    seal: Seal = field(factory=lambda: Seal(os.urandom(KEY_BYTES)))
    scopes: dict[str, _Scope] = field(factory=dict)
    owners: set[str] = field(factory=set)


@implementer(IStateStore)
class MemoryStateStore:
    """An :class:`IStateStore` in a dictionary, of the texts that other stores would keep.

    :param beside: another store, to share all that it has with, as processes share a database.
    """

    def __init__(self, beside: "MemoryStateStore | None" = None) -> None:
        self._all: _Shared = _Shared() if beside is None else beside._all
        self.seal = self._all.seal
        self.owner = os.urandom(8).hex()
        self.shared = beside is not None
        if beside is not None:
            beside.shared = True
        self._all.owners.add(self.owner)

    def open(self) -> None:
        """See :meth:`IStateStore.open`."""

    def epochs(self, inner: IEpochs, machine: str = "") -> IEpochs:
        """See :meth:`IStateStore.epochs`."""
        return inner

    def hold(self) -> None:
        """See :meth:`IStateStore.hold`: no other process can reach it."""

    def join(self) -> None:
        """See :meth:`IStateStore.join`.

        :raises StateError: always.
        """
        raise StateError("memory: belongs to one process; workers need a database to share")

    async def lives(self, owner: str) -> bool:
        """See :meth:`IStateStore.lives`."""
        return owner in self._all.owners

    async def close(self) -> None:
        """See :meth:`IStateStore.close`."""
        self._all.owners.discard(self.owner)

    async def apply(self, scope: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]) -> None:
        """See :meth:`IStateStore.apply`."""
        texts = {}
        for (kind, key), value in changes.items():
            row(kind, scope, key)
            texts[kind, key] = None if value is None else encode(value)
        values = self._of(scope).values
        for name, text in texts.items():
            if text is None:
                values.pop(name, None)
            else:
                values[name] = text

    async def change(
        self, scope: str, before: str, after: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]
    ) -> bool:
        """See :meth:`IStateStore.change`."""
        here = self._of(scope)
        if here.stamp != before:
            return False
        await self.apply(scope, changes)
        here.stamp = after
        here.changes.append((after, frozenset(changes)))
        del here.changes[:-KEPT]
        return True

    async def read(
        self, scope: str, since: str | None, kinds: Sequence[str]
    ) -> tuple[str, bool, Mapping[tuple[str, str], Mapping[str, object] | None]]:
        """See :meth:`IStateStore.read`."""
        here = self._of(scope)
        if since == here.stamp:
            return here.stamp, False, {}
        names = None if since is None else here.since(since)
        wanted = [name for name in (here.values if names is None else names) if name[0] in kinds]
        texts = {name: here.values.get(name) for name in wanted}
        values = {name: None if text is None else decode(text) for name, text in texts.items()}
        return here.stamp, names is None, values

    async def put(self, scope: str, kind: str, key: str, value: Mapping[str, object]) -> None:
        """See :meth:`IStateStore.put`."""
        await self.apply(scope, {(kind, key): value})

    async def put_new(
        self, scope: str, kind: str, key: str, value: Mapping[str, object]
    ) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.put_new`."""
        existing = await self.get(scope, kind, key)
        if existing is None:
            await self.put(scope, kind, key, value)
        return existing

    async def replace(
        self, scope: str, kind: str, key: str, before: Mapping[str, object], after: Mapping[str, object]
    ) -> bool:
        """See :meth:`IStateStore.replace`."""
        same = self._of(scope).values.get((kind, key)) == encode(before)
        if same:
            await self.put(scope, kind, key, after)
        return same

    async def get(self, scope: str, kind: str, key: str) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.get`."""
        text = self._of(scope).values.get((kind, key))
        return None if text is None else decode(text)

    async def delete(self, scope: str, kind: str, key: str) -> None:
        """See :meth:`IStateStore.delete`."""
        await self.apply(scope, {(kind, key): None})

    async def items(self, scope: str, kind: str) -> Mapping[str, Mapping[str, object]]:
        """See :meth:`IStateStore.items`."""
        return {key: decode(text) for (of, key), text in self._of(scope).values.items() if of == kind}

    async def scopes(self, kind: str) -> Sequence[str]:
        """See :meth:`IStateStore.scopes`."""
        return [scope for scope, here in self._all.scopes.items() if any(of == kind for of, _ in here.values)]

    def _of(self, scope: str) -> _Scope:
        return self._all.scopes.setdefault(scope, _Scope())
