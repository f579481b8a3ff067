"""Requests that repeat themselves, known by their bytes.

A client that polls sends the same bytes over and over, but for the moment, the signature and an id of its own that
nobody looks at. What was read of one request, by llhttp and by the service, is true of the next one if that has the
same bytes elsewhere: there is no second reader of HTTP here, only a comparison.
"""

import re
from typing import Any

from ec2proxy.asking import IEC2Service, IRepeat
from ec2proxy.ec2.record import Alike, Record
from ec2proxy.ec2.xml import Envelope
from ec2proxy.web.plain import Plain

_MOMENT = re.compile(rb"\r\nx-amz-date: (\d{8}T\d{6}Z)\r\n", re.IGNORECASE)
_SIGNATURE = re.compile(rb"\r\nauthorization: [^\r\n]*\bSignature=([0-9a-f]{64})\r\n", re.IGNORECASE)
_INVOCATION = re.compile(rb"\r\namz-sdk-invocation-id: ([0-9a-z-]{36})\r\n", re.IGNORECASE)

_ID_CHARACTERS = b"0123456789abcdefABCDEF-"

_LONGEST = 8192
"""Bytes of the requests that are remembered; a poll has under one thousand."""

MOST = 4096
"""How many of them a site remembers."""

_MOST_HOSTS = 256
"""For how many clients' hosts it is remembered what their lines in the log are like, of each."""

_HEADER = b"\r\nX-Amzn-Requestid: "
_MARK = b"Credential="
_APART = 64


class Shape:
    """A request that was answered at once, as a form for others.

    :ivar plain: what was read of its head.
    :ivar length: its bytes.
    """

    __slots__ = (
        "_alike",
        "_around",
        "_envelope",
        "_fixed",
        "_invocation",
        "_moment",
        "_signature",
        "length",
        "plain",
        "repeat",
    )

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
        self._envelope: Envelope | None = None
        self._around = (b"", b"")
        self._alike: dict[object, Alike] = {}

    def same_as(self, other: "Shape") -> bool:
        """Whether requests of this shape are those of the other's."""
        return self._fixed == other._fixed

    def answer(self, data: bytes, now: float, request_id: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes] | None:
        """The answer to a request, from the value of its Content-Length on; None where the long way is to be gone.

        :param data: of this length.
        :param now: the clock's seconds.
        :param request_id: in ASCII.
        :returns: pieces, to be joined.
        """
        found = self.read(data)
        envelope = None if found is None else self.repeat.answer(*found, now)
        if envelope is None:
            return None
        if envelope is not self._envelope:
            self._envelope = envelope
            length = len(envelope.head) + len(request_id) + len(envelope.rest)
            self._around = b"%d%b" % (length, _HEADER), b"\r\n\r\n" + envelope.head
        before, between = self._around
        return before, request_id, between, request_id, envelope.rest

    def alike(self, client: Any) -> Alike:
        """What requests of this shape from a client's host have in common for the log.

        :param client: its address.
        """
        host = getattr(client, "host", None)
        alike = self._alike.get(host)
        if alike is None:
            if len(self._alike) >= _MOST_HOSTS:
                self._alike.clear()
            plain = self.plain
            record = Record(0.0, self.repeat.trace, 0.0, client, plain.method.encode(), plain.path, 200, "")
            alike = self._alike[host] = Alike(record)
        return alike

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
    """The shapes that a site knows: a client's connections have them in common, and a new one finds them there."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[object, Shape] = {}
        self._asked: set[int] = set()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def find(self, data: bytes) -> Shape | None:
        """The shape that a request may have, by where others of its kind differ; None if none is known."""
        return self._known.get(_place(data))

    def is_asked_again(self, body: bytes) -> bool:
        """Whether a body has come before, lately; it has now."""
        number = hash(body)
        if number in self._asked:
            return True
        if len(self._asked) >= self._most:
            self._asked.clear()
        self._asked.add(number)
        return False

    def shared(self, new: Shape, data: bytes) -> Shape:
        """The shape that all requests like it have.

        :param data: one of them.
        """
        place = _place(data)
        known = self._known.get(place)
        if known is not None and not known.repeat.over and known.same_as(new):
            return known
        if len(self._known) >= self._most:
            # Who is still there makes its own again.
            self._known.clear()
        self._known[place] = new
        return new


def _place(data: bytes) -> object:
    """What a request is found by: who signs, and the end of what is asked, tell most polls apart."""
    at = data.find(_MARK)
    return len(data), data[at : at + _APART], data[-_APART:]
