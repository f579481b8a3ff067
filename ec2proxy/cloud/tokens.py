"""Client tokens: what was ordered with each, and what came of it."""

from collections.abc import Mapping

from attrs import asdict, frozen
from twisted.internet.interfaces import IReactorTime

from ec2proxy.interfaces import IStateStore

KEPT_SECONDS = 24 * 3600.0
"""How long a token is remembered at least, as in EC2."""

SWEEP_SECONDS = 3600.0
"""How often older ones are looked for."""


@frozen
class Claim:
    """A token that was used.

    :param fingerprint: of the order that it came with.
    :param at: when that was, in epoch seconds.
    :param instance_ids: what came of it; empty while that is not known.
    :param owner: the process that is at it; empty when none is.
    :param asked: since when the backend has had all it was asked for, in epoch seconds; 0 where it was not asked.
    """

    fingerprint: str
    at: float
    reservation_id: str
    instance_ids: tuple[str, ...] = ()
    owner: str = ""
    asked: float = 0.0


class Tokens:
    """The client tokens of one cloud, kept in ``store``."""

    def __init__(self, store: IStateStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._swept: dict[str, float] = {}

    async def claim(self, scope: str, token: str, claim: Claim) -> Claim | None:
        """Use a token: None if it was free and is claimed now, else the earlier claim."""
        await self._sweep(scope)
        earlier = await self._store.put_new(scope, "token", token, asdict(claim))
        return None if earlier is None else _claim(earlier)

    async def replace(self, scope: str, token: str, before: Claim, after: Claim) -> bool:
        """Remember a claim if ``before`` is the one there is; tells whether it was."""
        kept = await self._store.get(scope, "token", token)
        if kept is None or _claim(kept) != before:
            return False
        # As it was kept: an earlier version wrote less.
        replaced: bool = await self._store.replace(scope, "token", token, kept, asdict(after))
        return replaced

    async def keep(self, scope: str, token: str, claim: Claim) -> None:
        """Remember a claim, instead of the one there is."""
        await self._store.put(scope, "token", token, asdict(claim))

    async def free(self, scope: str, token: str) -> None:
        """Let a token be used as if it had never been."""
        await self._store.delete(scope, "token", token)

    async def _sweep(self, scope: str) -> None:
        now = self._clock.seconds()
        if now - self._swept.get(scope, 0.0) < SWEEP_SECONDS:
            return
        self._swept[scope] = now
        for token, record in (await self._store.items(scope, "token")).items():
            if now - _claim(record).at > KEPT_SECONDS:
                await self.free(scope, token)


def _claim(record: Mapping[str, object]) -> Claim:
    ids = record["instance_ids"]
    at, asked = record["at"], record.get("asked", record["at"])
    assert isinstance(ids, list | tuple)
    assert isinstance(at, int | float)
    assert isinstance(asked, int | float)
    owner = str(record.get("owner", ""))
    return Claim(str(record["fingerprint"]), at, str(record["reservation_id"]), tuple(ids), owner, asked)
