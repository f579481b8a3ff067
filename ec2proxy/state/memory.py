"""A state store that forgets when the process ends."""

import os
from collections.abc import Mapping, Sequence

from zope.interface import implementer

from ec2proxy.interfaces import IStateStore
from ec2proxy.state.seal import KEY_BYTES, Seal
from ec2proxy.state.text import decode, encode, row


@implementer(IStateStore)
class MemoryStateStore:
    """An :class:`IStateStore` in a dictionary, of the texts that other stores would keep."""

    def __init__(self) -> None:
        self.seal = Seal(os.urandom(KEY_BYTES))
        self._values: dict[tuple[str, str], dict[str, str]] = {}

    def open(self) -> None:
        """See :meth:`IStateStore.open`."""

    def hold(self) -> None:
        """See :meth:`IStateStore.hold`: nobody else can reach it."""

    async def close(self) -> None:
        """See :meth:`IStateStore.close`."""

    async def apply(self, scope: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]) -> None:
        """See :meth:`IStateStore.apply`."""
        rows = {}
        for (kind, key), value in changes.items():
            row(kind, scope, key)
            rows[kind, key] = None if value is None else encode(value)
        for (kind, key), text in rows.items():
            if text is None:
                self._values.get((kind, scope), {}).pop(key, None)
            else:
                self._values.setdefault((kind, scope), {})[key] = text

    async def put(self, scope: str, kind: str, key: str, value: Mapping[str, object]) -> None:
        """See :meth:`IStateStore.put`."""
        await self.apply(scope, {(kind, key): value})

    async def put_all(self, scope: str, kind: str, values: Mapping[str, Mapping[str, object]]) -> None:
        """See :meth:`IStateStore.put_all`."""
        await self.apply(scope, {(kind, key): value for key, value in values.items()})

    async def put_new(
        self, scope: str, kind: str, key: str, value: Mapping[str, object]
    ) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.put_new`."""
        existing = await self.get(scope, kind, key)
        if existing is None:
            await self.put(scope, kind, key, value)
        return existing

    async def get(self, scope: str, kind: str, key: str) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.get`."""
        text = self._values.get((kind, scope), {}).get(key)
        return None if text is None else decode(text)

    async def delete(self, scope: str, kind: str, key: str) -> None:
        """See :meth:`IStateStore.delete`."""
        await self.apply(scope, {(kind, key): None})

    async def items(self, scope: str, kind: str) -> Mapping[str, Mapping[str, object]]:
        """See :meth:`IStateStore.items`."""
        return {key: decode(text) for key, text in self._values.get((kind, scope), {}).items()}

    async def scopes(self, kind: str) -> Sequence[str]:
        """See :meth:`IStateStore.scopes`."""
        return [scope for (of, scope), values in self._values.items() if of == kind and values]
