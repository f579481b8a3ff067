"""How far the writes of this process have come."""

from zope.interface import implementer

from ec2proxy.interfaces import IEpochs


@implementer(IEpochs)
class LocalEpochs:
    """The epochs of one process that shares its pictures with no other.

    One counter serves all scopes: each write takes its next number. A scope that is forgotten is taken to be as new
    as the newest forgotten one, so that nothing older ever looks current; it costs those who kept something a
    refresh.

    :param most_scopes: how many scopes are told apart; the one not written to for longest goes first.
    """

    def __init__(self, most_scopes: int = 10_000) -> None:
        self._most_scopes = most_scopes
        self._newest = 0
        self._forgotten = 0
        # In the order of their last writes.
        self._epochs: dict[str, int] = {}

    def of(self, scope: str) -> int:
        """The number of the scope's last write."""
        return self._epochs.get(scope, self._forgotten)

    def of_all(self) -> int:
        """The number of the last write to anything."""
        return self._newest

    def bump(self, scope: str) -> None:
        """Count a write."""
        self._newest += 1
        self._epochs.pop(scope, None)
        self._epochs[scope] = self._newest
        if len(self._epochs) > self._most_scopes:
            self._forgotten = self._epochs.pop(next(iter(self._epochs)))

    async def settled(self) -> None:
        """There is nobody else to tell."""
