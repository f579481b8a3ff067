"""What is sent back, as a value: made anywhere, written in one place."""

from os import urandom

from attrs import frozen

from ec2proxy import __version__

#: The Server header of everything that we answer ourselves.
SERVER = f"ec2proxy/{__version__}".encode()

#: EC2's own spelling; without the charset libcloud mangles UTF-8.
XML = b"text/xml;charset=UTF-8"


@frozen
class Answer:
    """A whole answer.

    :param kind: the Content-Type.
    :param headers: what goes with it beyond Content-Type, Content-Length and the request's id.
    :param code: the error code for the log line, empty for a success.
    """

    status: int
    body: bytes
    kind: bytes = XML
    headers: tuple[tuple[bytes, bytes], ...] = ()
    code: str = ""


class _RequestIds:
    """Makes request ids. Randomness comes from the system once for many: that costs as much as all the rest."""

    def __init__(self) -> None:
        self._left = 0

    def __call__(self) -> str:
        """A new id in the shape of a version 4 UUID; it is unique, and no secret."""
        if not self._left:
            digits = urandom(16).hex()
            self._prefix = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-"
            self._last = int(digits[21:], 16)
            self._left = _IDS_AT_ONCE
        self._left -= 1
        self._last += 1
        return f"{self._prefix}{self._last:012x}"


_IDS_AT_ONCE = 65536

request_id = _RequestIds()
