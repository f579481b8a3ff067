"""The same few questions, asked over and over: an answer is kept for as long as what it was made from stands."""

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import Any

from attrs import define, field
from twisted.python.failure import Failure

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.cache import Cache, Slot
from ec2proxy.actions.errors import from_cloud
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.deferring import settle
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.notes import NOTES, Look, Notes
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.slices import in_slices
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2 import xml
from ec2proxy.ec2.trace import CURRENT, Trace
from ec2proxy.ec2.xml import Envelope
from ec2proxy.errors import CloudError
from ec2proxy.flights import Flights
from ec2proxy.model import Credentials

MEMORY = 64 * 1024 * 1024
"""Bytes that kept answers may take, if nothing else is said."""


@define(eq=False)
class KeptAnswer:
    """An answer, and what it was made from.

    :param cloud: the one that it is of.
    :param looks: at pictures, that showed something; of that they hold outlines.
    :param failed: looks that did not; then it is made anew when it does not hold by itself any more.
    :param chosen: the instances that were looked up by id, where a look says that no others matter.
    :param ledgers: what was remembered, by whose it is, with its version.
    :param consulted: those of which all matters; of others only what the chosen instances tell.
    :param watched: whether the ledgers were held against the pictures of instances.
    :ivar since: the clock's seconds from which it holds by itself; before them the clock was put back.
    :ivar until: those until which it does.
    :ivar due: those at which a picture is to be looked at, so that it is refreshed in time.
    :ivar epochs: what has to be written to for it not to hold even so.
    :ivar of_all: the epoch of everything when that was last looked at.
    """

    envelope: Envelope
    _cloud: Cloud
    _looks: Sequence[Look]
    _failed: Sequence[Look]
    _chosen: Mapping[Credentials, Mapping[str, InstanceView | None]]
    _ledgers: dict[Credentials, tuple[Ledger, int]]
    _consulted: Set[Credentials]
    _watched: bool
    _since: float = field(init=False)
    _until: float = field(init=False)
    _due: float = field(init=False)
    _epochs: Sequence[tuple[str, int | None]] = field(init=False)
    _of_all: int | None = field(init=False, default=None)

    @classmethod
    def of(cls, envelope: Envelope, cloud: Cloud, notes: Notes) -> "KeptAnswer | None":
        """An answer that was just made; None where it must not be kept."""
        of_ledgers = _epochs_of(cloud, notes.ledgers)
        if notes.spoiled or not _unchanged(notes.ledgers):
            return None
        looks = [look.at(look.snapshot) for look in notes.looks.values() if not look.failed]
        failed = [look for look in notes.looks.values() if look.failed]
        kept = cls(envelope, cloud, looks, failed, notes.chosen, notes.ledgers, notes.consulted, notes.watched)
        kept._hold(notes.until, of_ledgers)
        return kept

    def _hold(self, until: float, of_ledgers: Iterable[tuple[str, int]]) -> None:
        """Work out how long it holds.

        :param of_ledgers: their epochs before it was looked whether they are unchanged, since other processes write at
            any moment.
        """
        ends = [look.snapshot.taken + look.age for look in self._looks]
        self._since = max((look.snapshot.taken for look in self._looks), default=0.0)
        self._until = min(until, *ends) if ends else until
        self._due = min((look.snapshot.due(look.age) for look in self._looks), default=self._until)
        self._of_all = None
        self._epochs = (*((look.scope, look.epoch) for look in (*self._looks, *self._failed)), *of_ledgers)

    def holds(self, at: float | None = None, now: float | None = None) -> bool:
        """Whether it would be made just so now, of pictures that are there.

        :param at: the clock's seconds at which it had to be fresh, if that is not now.
        :param now: the clock's seconds, if they are known.
        """
        if now is None:
            now = self._cloud.clock.seconds()
        if self._since <= now and (now if at is None else at) < self._until:
            if now >= self._due:
                self._look_ahead()
            if self._of_all == self._cloud.epochs.of_all() or self._unwritten():
                # A loop, since a generator takes twice as long.
                for ledger, version in self._ledgers.values():
                    if ledger.version != version:
                        break
                else:
                    return True
        return self._holds_anew()

    def _unwritten(self) -> bool:
        """Whether nothing was written to that it was made from; then that need not be asked until something is."""
        epochs = self._cloud.epochs
        of_all = epochs.of_all()
        if any(epochs.of(scope) != epoch for scope, epoch in self._epochs):
            return False
        self._of_all = of_all
        return True

    def _look_ahead(self) -> None:
        """Have those pictures refreshed that take long and will be too old soon."""
        self._due = float("inf")
        for look in self._looks:
            self._cloud.inventory.current(look.credentials, look.collection, look.max_age)

    def _holds_anew(self) -> bool:
        """Whether others have looked again meanwhile, and seen the same."""
        if self._failed:
            return False
        looks, until = [], float("inf")
        for look in self._looks:
            snapshot = self._cloud.inventory.current(look.credentials, look.collection, look.max_age)
            if snapshot is None or not self._shows_same(look, snapshot):
                return False
            looks.append(look.at(snapshot))
            if self._watched and look.collection == "instances":
                true_until = self._cloud.lifecycle.true_until(look.credentials, snapshot)
                if true_until is None:
                    return False
                until = min(until, true_until)
        there: dict[Credentials, tuple[Ledger, int]] = {}
        for credentials in self._ledgers:
            ledger = self._cloud.lifecycle.remembered(credentials)
            if ledger is None:
                return False
            there[credentials] = ledger, ledger.version
        of_ledgers = _epochs_of(self._cloud, there)
        if not self._remembers_same(there) or not _unchanged(there):
            return False
        self._looks, self._ledgers = looks, there
        self._hold(until, of_ledgers)
        return True

    def _remembers_same(self, there: Mapping[Credentials, tuple[Ledger, int]]) -> bool:
        """Whether the same is remembered as it was, but for what concerns chosen instances."""
        if there.keys() != self._ledgers.keys():
            return False
        for credentials, (ledger, version) in self._ledgers.items():
            is_now, now = there[credentials]
            if is_now is not ledger or (version != now and credentials in self._consulted):
                return False
        return True

    def _shows_same(self, look: Look, snapshot: Snapshot[Any]) -> bool:
        """Whether a picture shows what it showed at a look, as far as that matters, with what is remembered now."""
        same = snapshot.shown == look.snapshot.shown
        if look.whole:
            return same
        credentials = look.credentials
        ledger, version = self._ledgers[credentials]
        if same and ledger.version == version:
            return True
        return self._cloud.lifecycle.shows(credentials, snapshot, self._chosen.get(credentials, {}))

    async def renewed(self, notes: Notes) -> bool:
        """Look again at all that it was made from; whether that is the same.

        :param notes: where the looks are noted, for the answer that has to be made if it is not.
        """
        if self._failed:
            return False
        cloud = self._cloud
        for outcome in await settle([cloud.inventory.look_again(look) for look in self._looks]):
            if isinstance(outcome, Failure):
                outcome.trap(CloudError)
        if any(look.failed for look in notes.looks.values()):
            return False
        for credentials in self._ledgers:
            if credentials in self._chosen:
                await cloud.lifecycle.some(credentials, self._chosen[credentials])
            elif self._watched:
                await cloud.lifecycle.look(credentials, whole=False)
            else:
                await cloud.lifecycle.ledger(credentials)
        if notes.spoiled:
            return False
        of_ledgers = _epochs_of(cloud, notes.ledgers)
        if not self._remembers_same(notes.ledgers) or not _unchanged(notes.ledgers):
            return False
        snapshots = [notes.looks[look.credentials, look.collection].snapshot for look in self._looks]
        if not all(self._shows_same(look, new) for look, new in zip(self._looks, snapshots, strict=True)):
            return False
        self._looks = [look.at(new) for look, new in zip(self._looks, snapshots, strict=True)]
        self._ledgers = notes.ledgers
        self._hold(notes.until, of_ledgers)
        return True


class Polls:
    """The polls of all callers.

    :param memory: bytes that kept answers may take.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self._kept: Cache[Hashable, KeptAnswer] = Cache(memory)
        self._flights: Flights[Hashable, Envelope] = Flights()

    @property
    def size(self) -> int:
        """About how many bytes the kept answers take."""
        return self._kept.bytes

    def standing(self, key: Hashable, at: float | None = None) -> Envelope | None:
        """The answer to a question if one is kept that holds.

        :param key: all that the answer depends on beside pictures, ledgers and time: who asks which cloud for what.
        :param at: as for :meth:`KeptAnswer.holds`.
        """
        kept = self._kept.get(key)
        return kept.envelope if kept is not None and kept.holds(at) else None

    def slot(self, key: Hashable) -> Slot[KeptAnswer] | None:
        """Where the answer to a question is kept, whether it holds or not; None where none is.

        :param key: as for :meth:`standing`.
        """
        return self._kept.slot(key)

    async def answer(self, key: Hashable, size: int, action: Action, call: Call, version: str, trace: Trace) -> bytes:
        """The answer to a question, made once for all who ask it at the same time.

        :param size: about how many bytes the key takes.
        :raises EC2Error: what the client is to be told instead.
        """
        asked = call.cloud.clock.seconds()
        envelope = await self._flights.of(
            key,
            lambda: self._made(key, size, action, call, version, trace),
            # What took long to fetch was fresh when this was asked.
            lambda: self.standing(key, asked),
        )
        trace.source = trace.source or "picture"
        return envelope.around(trace.request_id)

    async def _made(self, key: Hashable, size: int, action: Action, call: Call, version: str, trace: Trace) -> Envelope:
        CURRENT.set(trace)
        notes = Notes()
        NOTES.set(notes)
        try:
            kept = self._kept.get(key)
            if kept is not None and await kept.renewed(notes):
                return kept.envelope
            pieces = await in_slices(call.cloud.clock, xml.pieces_of(await action.perform(call)))
        except CloudError as error:
            raise from_cloud(error) from error
        envelope = xml.enveloped(type(action).__name__, action.namespace(call, version), pieces)
        new = KeptAnswer.of(envelope, call.cloud, notes)
        if new is not None:
            self._kept.put(key, new, size + len(envelope.rest))
        return envelope


def _epochs_of(cloud: Cloud, ledgers: dict[Credentials, tuple[Ledger, int]]) -> list[tuple[str, int]]:
    """The epochs of ledgers' scopes."""
    return [(ledger.told_as, cloud.epochs.of(ledger.told_as)) for ledger, _ in ledgers.values()]


def _unchanged(ledgers: dict[Credentials, tuple[Ledger, int]]) -> bool:
    """Whether all is here that is remembered, and the same as when it was noted."""
    noted: Iterable[tuple[Ledger, int]] = ledgers.values()
    return all(ledger.version == version and ledger.fresh for ledger, version in noted)
