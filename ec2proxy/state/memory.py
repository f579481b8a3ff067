"""A state store that forgets when the process ends."""

from collections.abc import Mapping, Sequence

from zope.interface import implementer

from ec2proxy.interfaces import IStateStore


@implementer(IStateStore)
class MemoryStateStore:
    """An :class:`IStateStore` in a dictionary."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, dict[str, Mapping[str, object]]]] = {}

    def _of(self, scope: str, kind: str) -> dict[str, Mapping[str, object]]:
        return self._values.setdefault(kind, {}).setdefault(scope, {})

    async def put(self, scope: str, kind: str, key: str, value: Mapping[str, object]) -> None:
        """See :meth:`IStateStore.put`."""
        self._of(scope, kind)[key] = dict(value)

    async def put_all(self, scope: str, kind: str, values: Mapping[str, Mapping[str, object]]) -> None:
        """See :meth:`IStateStore.put_all`."""
        self._of(scope, kind).update({key: dict(value) for key, value in values.items()})

    async def put_new(
        self, scope: str, kind: str, key: str, value: Mapping[str, object]
    ) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.put_new`."""
        existing = self._of(scope, kind).get(key)
        if existing is None:
            self._of(scope, kind)[key] = dict(value)
        return existing

    async def get(self, scope: str, kind: str, key: str) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.get`."""
        return self._of(scope, kind).get(key)

    async def delete(self, scope: str, kind: str, key: str) -> None:
        """See :meth:`IStateStore.delete`."""
        values = self._of(scope, kind)
        values.pop(key, None)
        if not values:
            del self._values[kind][scope]

    async def items(self, scope: str, kind: str) -> Mapping[str, Mapping[str, object]]:
        """See :meth:`IStateStore.items`."""
        return dict(self._of(scope, kind))

    async def scopes(self, kind: str) -> Sequence[str]:
        """See :meth:`IStateStore.scopes`."""
        return [scope for scope, values in self._values.get(kind, {}).items() if values]
