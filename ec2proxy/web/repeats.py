"""Requests that repeat themselves, known by their bytes.

A client that polls sends the same bytes over and over, but for the moment, the signature and an id of its own that
nobody looks at. What was read of one request, by llhttp and by the service, is true of the next one if that has the
same bytes elsewhere: there is no second reader of HTTP here, only a comparison.
"""

import re

from ec2proxy.asking import IEC2Service, IRepeat
from ec2proxy.web.plain import Plain

_MOMENT = re.compile(rb"\r\nx-amz-date: (\d{8}T\d{6}Z)\r\n", re.IGNORECASE)
_SIGNATURE = re.compile(rb"\r\nauthorization: [^\r\n]*\bSignature=([0-9a-f]{64})\r\n", re.IGNORECASE)
_INVOCATION = re.compile(rb"\r\namz-sdk-invocation-id: ([0-9a-z-]{36})\r\n", re.IGNORECASE)

_ID_CHARACTERS = b"0123456789abcdefABCDEF-"

_LONGEST = 8192
"""Bytes of the requests that are remembered; a poll has under one thousand."""

MOST = 4096
"""How many of them a site remembers."""


class Shape:
    """A request that was answered at once, as a form for others.

    :ivar plain: what was read of its head.
    :ivar length: its bytes.
    """

    __slots__ = ("_fixed", "_invocation", "_moment", "_signature", "length", "plain", "repeat")

    def __init__(
        self, data: bytes, plain: Plain, repeat: IRepeat, moment: slice, signature: slice, invocation: slice | None
    ) -> None:
        self.plain = plain
        self.repeat = repeat
        self.length = len(data)
        self._moment, self._signature, self._invocation = moment, signature, invocation
        free = sorted((each for each in (moment, signature, invocation) if each), key=lambda each: each.start)
        starts = [0, *(each.stop for each in free)]
        ends = [*(each.start for each in free), self.length]
        self._fixed = tuple((slice(at, end), data[at:end]) for at, end in zip(starts, ends, strict=True))

    @property
    def key(self) -> tuple[tuple[int, bytes], ...]:
        """The same for all requests of this shape."""
        return tuple((at.start, same) for at, same in self._fixed)

    def read(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The moment and the signature of a request of this shape; None if it has another.

        Nothing needs to be known of what these two hold: where it is not what is expected, they prove nothing.
        """
        for at, same in self._fixed:
            if data[at] != same:
                return None
        # llhttp has not seen this one, and it may hold the end of the head.
        if self._invocation is not None and data[self._invocation].strip(_ID_CHARACTERS):
            return None
        return data[self._moment], data[self._signature]


def shape_of(data: bytes, plain: Plain, service: IEC2Service) -> Shape | None:
    """The shape of a request that was answered at once; None if others will not repeat it.

    :param data: all of it.
    """
    moment, signature = _MOMENT.search(data, 0, plain.head), _SIGNATURE.search(data, 0, plain.head)
    if moment is None or signature is None or len(data) > _LONGEST:
        return None
    repeat = service.repeatable(plain.with_body(data[plain.head :]))
    if repeat is None:
        return None
    invocation = _INVOCATION.search(data, 0, plain.head)
    other = None if invocation is None else slice(*invocation.span(1))
    return Shape(data, plain, repeat, slice(*moment.span(1)), slice(*signature.span(1)), other)


class Shapes:
    """The shapes that a site knows, so that many connections of a client have one in common."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[object, Shape] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def shared(self, new: Shape) -> Shape:
        """The shape that all requests like it have."""
        known = self._known.get(new.key)
        if known is not None and not known.repeat.over:
            return known
        if len(self._known) >= self._most:
            # Who is still there makes its own again.
            self._known.clear()
        self._known[new.key] = new
        return new
