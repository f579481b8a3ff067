"""Where a backend's objects are: URLs built from the configured base alone, never from an href."""

from urllib.parse import quote, urlsplit

# A segment that a server or a proxy may take as a step in the tree. No object can be addressed by it.
_NO_NAMES = frozenset(("", ".", ".."))


def checked_base(url: str) -> str:
    """Check a backend's URL and give it without a trailing slash.

    :raises ValueError: it is no ``http`` or ``https`` URL of a Deltacloud API; the message says why.
    """
    if not url.isascii() or any(ch <= " " or ch == "\x7f" for ch in url):
        raise ValueError("the backend URL has a space or a character that is not ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the backend URL cannot be read: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError("the backend URL must begin with http:// or https://")
    if not parts.hostname or port == 0:
        raise ValueError("the backend URL has no host, or port 0")
    if "@" in parts.netloc:
        raise ValueError("the backend URL must not hold a user name or a password")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("the backend URL must not have a query or a fragment")
    return url.rstrip("/")


def url_below(base: str, segments: tuple[str, ...]) -> str | None:
    """Put path segments behind the base, each percent-encoded whole, slashes too.

    :return: None where a segment is no name that a path can hold (empty, ``.``, ``..``, broken Unicode).
    """
    try:
        quoted = [quote(segment, safe="") for segment in segments]
    except UnicodeEncodeError:
        return None
    if not _NO_NAMES.isdisjoint(segments):
        return None
    return "/".join((base, *quoted))
