"""Request throttling, as EC2 has it: token buckets that refill at a steady rate, for each account, region and action.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Literal, TypeAlias, get_args

from attrs import astuple, define, frozen

from ec2proxy.actions.action import Action
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.model import Credentials

Kind: TypeAlias = Literal["non-mutating", "unfiltered", "mutating", "instances"]
"""What is limited: requests that change nothing, those of them that ask for everything at once, those that change
something, as EC2 divides them; and instances that are run, started, stopped or terminated, one token each.
"""

KINDS: tuple[Kind, ...] = get_args(Kind)


@frozen
class Rate:
    """How fast something may be done.

    :param bucket: tokens that there are at most: so much at once.
    :param refill: tokens that come back in a second.
    """

    bucket: float
    refill: float


Rates: TypeAlias = Mapping[Kind, Rate]

EC2_RATES: Rates = {
    "non-mutating": Rate(100, 20),
    "unfiltered": Rate(50, 10),
    "mutating": Rate(50, 5),
    "instances": Rate(1000, 2),
}
"""About what EC2 allows (its own numbers differ somewhat from action to action)."""

RATES: Rates = {"mutating": Rate(200, 50), "instances": Rate(1000, 50)}
"""What is allowed by default: a private cloud is not as slow as EC2's limits, and polls cost next to nothing."""


def rates(text: str) -> Rates:
    """Read ``mutating=50:5,instances=1000:2``; ``off`` is no limit at all, and ``ec2`` EC2's own.

    :raises ValueError: it is none of these; the message says what is wrong.
    """
    if text == "off":
        return {}
    if text == "ec2":
        return EC2_RATES
    found: dict[Kind, Rate] = {}
    for part in text.split(","):
        kind, _, numbers = part.strip().partition("=")
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}, off, ec2")
        found[kind] = _rate(numbers)
    return found


def _rate(text: str) -> Rate:
    try:
        bucket, refill = (float(number) for number in text.split(":"))
        if not (1 <= bucket < float("inf") and 0 < refill < float("inf")):
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} is not BUCKET:REFILL, a size from 1 on and tokens a second") from None
    return Rate(bucket, refill)


def kind_of(action: Action) -> Kind:
    """The class that an action's request belongs to.

    One that lists is 'unfiltered' if it names nothing, filters nothing and asks for no pages.
    """
    if action.CHANGES:
        return "mutating"
    lists = hasattr(action, "filters")
    narrow = any(isinstance(value, tuple) and value for value in astuple(action, recurse=False))
    paged = getattr(action, "max_results", None) is not None or bool(getattr(action, "next_token", ""))
    return "unfiltered" if lists and not narrow and not paged else "non-mutating"


_Key = tuple[Credentials, str, str]

_LOOKED_AT = 100
"""Of how many buckets one is forgotten."""


@define
class _Bucket:
    rate: Rate
    tokens: float
    at: float

    def fill(self, now: float) -> None:
        """Let come back what has come back by now; a clock that is put back gives nothing, and takes nothing."""
        self.tokens = min(self.rate.bucket, self.tokens + max(0.0, now - self.at) * self.rate.refill)
        self.at = now


class Throttle:
    """The buckets of everybody.

    :param rates: how fast each class may be done; what is not there has no limit.
    :param now: seconds.
    :param most: buckets that are kept; one that is full again goes first, of those that were unused for longest.
    :ivar of_polls: whether there is any limit on what changes nothing.
    """

    def __init__(self, rates: Rates, now: Callable[[], float], most: int = 10000) -> None:
        self._rates = rates
        self.of_polls = "non-mutating" in rates or "unfiltered" in rates
        self._now = now
        self._most = most
        self._buckets: OrderedDict[_Key, _Bucket] = OrderedDict()

    def admit(self, who: Credentials, region: str, action: Action) -> None:
        """Take what tokens a request needs.

        :param who: whose buckets they are from; with the password, or anybody could empty another's.
        :raises EC2Error: ``RequestLimitExceeded``, there are not enough left.
        """
        if not (self._rates if action.CHANGES else self.of_polls):
            return
        kind = kind_of(action)
        self._take(who, region, action, kind, 1)
        if kind == "unfiltered":
            self._take(who, region, action, "non-mutating", 1)
        if number := action.instances_changed:
            self._take(who, region, action, "instances", number)

    def _take(self, who: Credentials, region: str, action: Action, kind: Kind, number: int) -> None:
        rate = self._rates.get(kind)
        if rate is None:
            return
        key = (who, region, f"{kind} {type(action).__name__}")
        now = self._now()
        bucket = self._buckets.get(key)
        if bucket is None:
            while len(self._buckets) >= self._most:
                del self._buckets[self._dispensable(now)]
            bucket = self._buckets[key] = _Bucket(rate, rate.bucket, now)
        self._buckets.move_to_end(key)
        bucket.fill(now)
        # More than a bucket holds have to be possible at some time: when it is full.
        wanted = min(number, rate.bucket)
        if bucket.tokens < wanted:
            raise EC2Error("RequestLimitExceeded", "Request limit exceeded.")
        bucket.tokens -= wanted

    def _dispensable(self, now: float) -> _Key:
        """The bucket to forget: a full one, or whoever has emptied his could have a new one by making up names."""
        oldest = list(islice(self._buckets, _LOOKED_AT))
        for key in oldest:
            bucket = self._buckets[key]
            bucket.fill(now)
            if bucket.tokens >= bucket.rate.bucket:
                return key
        return oldest[0]
