"""What of a Deltacloud exchange crosses over to the other side: targets, headers and redirects."""

import re
from urllib.parse import unquote_to_bytes, urlsplit

from twisted.web.http_headers import Headers

from ec2proxy.model import Backend

# What concerns one connection only (RFC 9110, 7.6.1), and what is made anew for the next one.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"trailers",
        b"transfer-encoding",
        b"upgrade",
    }
)

# What may stand in a target. A '#' may not, and would end the path at the next reader.
_VISIBLE = re.compile(rb"[\x21\x22\x24-\x7e]*")

# Escapes of escapes: nobody needs more, but somebody might try.
_LAYERS = 3

_REDIRECT = re.compile(rb"(?:[a-z]+:)?//(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


def backend_url(backend: Backend, uri: bytes) -> bytes | None:
    """Where a request goes: what follows its first segment, below the backend's base.

    :param uri: path and query as the client sent them.
    :returns: None if the path, however it is decoded, climbs or cannot be passed on.
    """
    path, mark, query = uri.partition(b"?")
    below = path[len(mount_point(uri)) :]
    if not _VISIBLE.fullmatch(below) or not _VISIBLE.fullmatch(query) or _climbs(below):
        return None
    return backend.url.rstrip("/").encode() + below + mark + query


def mount_point(uri: bytes) -> bytes:
    """Where the API is: the first segment of a path, ``/api``, or those of a region's, ``/regions/NAME/api``.

    :returns: it as the client wrote it.
    """
    path = uri.partition(b"?")[0]
    segments = path.split(b"/", 4)
    count = 4 if unquote_to_bytes(segments[1] if len(segments) > 1 else b"") == b"regions" else 2
    return b"/".join(segments[:count])


def collection(uri: bytes) -> bytes:
    """The collection that a request is about; empty for the entry point.

    :param uri: path and query as the client sent them.
    """
    path = uri.partition(b"?")[0]
    return unquote_to_bytes(path[len(mount_point(uri)) :].lstrip(b"/").partition(b"/")[0])


def _climbs(path: bytes) -> bool:
    """Whether somebody who decodes ``path`` once or several times may find ``.`` or ``..`` in it."""
    for _ in range(_LAYERS):
        # Some servers cut parameters off a segment ('..;x'), some take a backslash for a slash.
        if any(segment.partition(b";")[0] in (b".", b"..") for segment in re.split(rb"[/\\]", path)):
            return True
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return False
        path = decoded
    return True


def request_headers(backend: Backend, received: Headers) -> Headers:
    """The headers that go on to the backend; the client's Host among them, since hrefs are built from it."""
    headers = _end_to_end(received)
    headers.removeHeader(b"Expect")  # met already: the body is here
    headers.addRawHeader(b"Via", b"1.1 ec2proxy")
    for name, value in ((b"X-Deltacloud-Driver", backend.driver), (b"X-Deltacloud-Provider", backend.provider)):
        if value is not None and not headers.hasHeader(name):
            headers.setRawHeaders(name, [value.encode()])
    return headers


def response_headers(backend: Backend, received: Headers, host: bytes, mount: bytes) -> Headers:
    """The headers that go back to the client.

    :param host: the client's Host header.
    :param mount: where the API is on our side, ``/api``.
    """
    headers = _end_to_end(received)
    places = headers.getRawHeaders(b"Location")
    if places:
        headers.setRawHeaders(b"Location", [_our_place(backend, place, host, mount) for place in places])
    return headers


def _end_to_end(received: Headers) -> Headers:
    """A copy without what concerns one connection only."""
    listed = b",".join(received.getRawHeaders(b"Connection", [])).lower()
    dropped = _HOP_BY_HOP.union(token.strip() for token in listed.split(b","))
    headers = Headers()
    for name, values in received.getAllRawHeaders():
        if name.lower() not in dropped:
            headers.setRawHeaders(name, values)
    return headers


def _our_place(backend: Backend, place: bytes, host: bytes, mount: bytes) -> bytes:
    """A redirect's target as the client reaches it: below the backend's base becomes below our mount point."""
    target = _REDIRECT.fullmatch(place)
    base = urlsplit(backend.url)
    below = base.path.rstrip("/").encode()
    if target is None or target["host"] not in (host, base.netloc.encode()):
        return place
    path = target["path"]
    if path != below and not path.startswith(below + b"/"):
        return place
    if target["host"] == host and below == mount:
        return place
    return mount + path[len(below) :] + target["rest"]
