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


def request_id() -> str:
    """A new id in the shape of a version 4 UUID, at a third of what :func:`uuid.uuid4` costs."""
    digits = urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
