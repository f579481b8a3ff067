"""What an answer is made from, noted while it is made: whoever keeps the answer can tell whether it still holds.

Whoever makes an answer that is to be kept puts :class:`Notes` into the context; the shared picture and the ledgers
note there what is read of them. Nothing that makes answers has to know, and nothing that is read can be forgotten.
"""

from contextvars import ContextVar
from typing import Any

from attrs import define, evolve, field, frozen

from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.picture import Failed, Snapshot
from ec2proxy.cloud.view import InstanceView
from ec2proxy.errors import CloudError
from ec2proxy.model import Credentials


@frozen(eq=False)
class Look:
    """One look at a picture.

    :param scope: what the picture is written to as; see :class:`~ec2proxy.interfaces.IEpochs`.
    :param max_age: seconds; how old the picture may be, as the look asked for it.
    :param failure_age: seconds; how old a failure may be.
    :param age: seconds; how old the picture may be in fact, which is not below the freshness.
    :param whole: whether it matters what all of the picture shows; else only what :class:`Notes` say of instances.
    :param remembered: the failure, if every look is told of it for as long as it may be old; None if the next may not.
    """

    credentials: Credentials
    collection: str
    scope: str
    max_age: float
    failure_age: float
    age: float
    outcome: Snapshot[Any] | CloudError
    remembered: Failed | None = None
    whole: bool = True

    @property
    def snapshot(self) -> Snapshot[Any]:
        """What was seen.

        :raises CloudError: nothing.
        """
        if isinstance(self.outcome, CloudError):
            raise self.outcome.with_traceback(None)
        return self.outcome

    @property
    def failed(self) -> bool:
        """Whether nothing was seen."""
        return isinstance(self.outcome, CloudError)

    @property
    def epoch(self) -> int | None:
        """The scope's epoch as of what was seen or told; None where nothing says."""
        seen = self.remembered if isinstance(self.outcome, CloudError) else self.outcome
        return None if seen is None else seen.epoch

    def at(self, snapshot: Snapshot[Any]) -> "Look":
        """The same look, had when this was to be seen; of which only an outline is kept."""
        return evolve(self, outcome=snapshot.outline())


@define(eq=False)
class Notes:
    """What one request was answered from. A picture is read once for it, so that all of the answer agrees.

    :ivar looks: by whose pictures they were and what collection's.
    :ivar chosen: by whose they are, the instances that were looked up by id and what they were; None was not there.
    :ivar ledgers: what was remembered, with its version when it was first looked at.
    :ivar consulted: whose ledger was not only looked at for chosen instances.
    :ivar watched: whose ledger was also held against their instances.
    :ivar until: the clock's seconds at which the answer may change by itself.
    :ivar spoiled: whether the answer holds something that is not noted here.
    """

    looks: dict[tuple[Credentials, str], Look] = field(factory=dict)
    chosen: dict[Credentials, dict[str, InstanceView | None]] = field(factory=dict)
    ledgers: dict[Credentials, tuple[Ledger, int]] = field(factory=dict)
    consulted: set[Credentials] = field(factory=set)
    watched: bool = False
    until: float = float("inf")
    spoiled: bool = False

    def found(self, credentials: Credentials, collection: str, max_age: float, whole: bool) -> Look | None:
        """A look that was had before and was as strict; None where there is none."""
        look = self.looks.get((credentials, collection))
        if look is None or look.max_age > max_age:
            return None
        if whole and not look.whole:
            look = self.looks[credentials, collection] = evolve(look, whole=True)
        return look

    def saw(self, look: Look) -> None:
        """Note a look; one that failed is nothing to keep an answer by, unless others are to be told the same."""
        key = look.credentials, look.collection
        if (before := self.looks.get(key)) is not None and before.whole and not look.whole:
            look = evolve(look, whole=True)
        self.looks[key] = look
        if look.remembered is not None:
            self.until = min(self.until, look.remembered.at + look.failure_age)
        elif look.failed:
            self.spoiled = True

    def remembered(self, credentials: Credentials, ledger: Ledger, whole: bool) -> None:
        """Note that a ledger was looked at.

        :param whole: whether all of it matters; else only what is :attr:`chosen` tells of it.
        """
        self.ledgers.setdefault(credentials, (ledger, ledger.version))
        if whole:
            self.consulted.add(credentials)


NOTES: ContextVar[Notes | None] = ContextVar("NOTES", default=None)
"""Where the current request's notes are taken; None where nobody wants any."""
