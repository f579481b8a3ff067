"""Header lines that come again and again, and what twisted.web made of them.

A client sends the same lines with each request, and most clients the same as others. What a line means depends on
nothing but itself, unless it tells how long the body is.

What stands here rests on ``Headers._rawHeaders``, lists of values by names in the order they came, which the class
documents and which is the same in Twisted 24.10 and 26.10. Its methods bring each name and value into form anew.
"""

from twisted.web.http_headers import Headers

#: Bytes of a line that is remembered.
_LONGEST = 512

#: How many are.
MOST = 1024

# Those that tell where a body ends are twisted.web's to read, each time. What proves who somebody is is not kept, and
# what is another one each time need not be.
_NOT_KEPT = frozenset(
    {
        b"Amz-Sdk-Invocation-Id",
        b"Authorization",
        b"Content-Length",
        b"Cookie",
        b"Proxy-Authorization",
        b"Transfer-Encoding",
        b"X-Amz-Security-Token",
    }
)


class HeaderLines:
    """What was read of lines.

    :param most: how many are remembered; whoever sends others makes all forget, and the rest are read again.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        # The name, as Twisted writes it, and the value.
        self._known: dict[bytes, tuple[bytes, bytes]] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def put(self, line: bytes, headers: Headers) -> bool:
        """Put in what a line says, as Twisted did when it read it; False if it is not known."""
        known = self._known.get(line)
        if known is None:
            return False
        name, value = known
        headers._rawHeaders.setdefault(name, []).append(value)
        return True

    def learn(self, line: bytes, headers: Headers, before: int) -> None:
        """Remember what was read of a line, if it is to be remembered.

        :param headers: where it was put in.
        :param before: how many names these had before.
        """
        names = headers._rawHeaders
        # Of a name that was there already nothing tells in which way it was written.
        if len(line) > _LONGEST or len(names) == before:
            return
        name = next(reversed(names))
        if name in _NOT_KEPT:
            return
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[line] = name, names[name][0]


def count(headers: Headers) -> int:
    """How many names of headers there are."""
    return len(headers._rawHeaders)


def put(headers: Headers, name: bytes, value: bytes) -> None:
    """Do what ``addRawHeader`` does with a name and a value that have been through it once."""
    headers._rawHeaders.setdefault(name, []).append(value)
