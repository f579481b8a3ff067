"""What the server's error answers mean, by their status and by what was asked (recordings 07-11, 23-51, 72, 73)."""

import re

from attrs import frozen

from ec2proxy.drivers.deltacloud.documents import root_of
from ec2proxy.drivers.deltacloud.transport import Answer
from ec2proxy.errors import (
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    CloudError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    Unsupported,
    WrongState,
)

# What Asked.kind says when the base itself is asked for.
ENTRY_POINT = "entry point"

_LONGEST = 200
# Of a body, as much as is looked at for a message: a page or a backtrace may have megabytes.
_LOOKED_AT = 8192

_BY_STATUS: dict[int, type[CloudError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    405: WrongState,
    409: WrongState,
    412: Unsupported,
    501: Unsupported,
    502: BackendUnavailable,
    503: BackendUnavailable,
    504: BackendTimeout,
}
_SAYS = {
    400: "the backend refuses the request",
    401: "the backend refuses the credentials",
    403: "the backend does not allow that",
    405: "the object's state does not allow that",
    409: "the object's state does not allow that",
    412: "the backend lacks what that takes",
    501: "the backend cannot do that",
    502: "the backend's provider failed",
    503: "the backend is not available",
    504: "the backend's provider did not answer in time",
}
# With these the call was not carried out; after any other failure of the server it may have been.
_NOT_DONE = frozenset((501, 503))


@frozen
class Asked:
    """What a call was about.

    :param kind: the collection, ``instances``.
    :param id: the object's id, or empty for the collection as a whole.
    :param changing: whether the call changes something.
    """

    kind: str
    id: str = ""
    changing: bool = False


def refusal(asked: Asked, answer: Answer) -> CloudError:
    """What an answer that is not a success means.

    :param answer: its status is not 2xx.
    """
    status, message = answer.status, message_of(answer)
    if status == 404:
        return _not_found(asked, message)
    if status < 400:
        message = f"the backend redirects {asked.kind} elsewhere: check its URL"
        return BackendError(message, ambiguous=asked.changing)
    kind = _BY_STATUS.get(status, BackendError)
    text = message or _SAYS.get(status, f"the backend answered with status {status}")
    return kind(text, ambiguous=asked.changing and status >= 500 and status not in _NOT_DONE)


def name_taken(answer: Answer) -> bool:
    """Whether a refused create says that the name is taken (23, or Deltacloud's 409)."""
    return answer.status == 409 or (
        answer.status in (400, 403) and re.search(r"already|duplicate", message_of(answer), re.I) is not None
    )


def taken(kind: str, name: str, answer: Answer) -> Conflict:
    """The error for a name that is taken."""
    return Conflict(kind, name, message_of(answer))


def _not_found(asked: Asked, message: str) -> CloudError:
    if asked.id:
        return NotFound(asked.kind, [asked.id])
    if asked.changing:
        # The collection is there, or nothing would be changed in it: what a field names is not.
        return InvalidRequest(message or "the backend does not find what the request names")
    if asked.kind == ENTRY_POINT:
        return BackendError("there is no Deltacloud API at the backend's URL")
    return Unsupported(f"the backend has no {asked.kind}")


def message_of(answer: Answer) -> str:
    """The message of an error answer, as one clean line; empty where it has none that says something."""
    text = clean_line(_raw_message(answer.body))
    # The server's own words for a status: the caller's are better.
    return "" if text.lower() in _EMPTY_WORDS else text


_EMPTY_WORDS = frozenset(
    ("not found", "forbidden", "unauthorized", "method not allowed", "internal server error", "bad gateway")
)


def _raw_message(body: bytes) -> str:
    if b"<error" in body[:_LOOKED_AT]:
        try:
            return str(root_of(body, "error").findtext("message", ""))
        except BackendError:
            return ""
    text = body[:_LOOKED_AT].decode("utf-8", "replace")
    page = re.search(r"<(title|h1)[^<>]*>([^<]*)", text, re.I)
    if page:
        return page[2]
    return "" if text.lstrip().startswith("<") else text


_MARKUP = re.compile(r"<[^<>]{0,500}>")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://\S+", re.I)
# /srv/deltacloud/lib/x.rb:12:in `y', C:\x\y; a device such as /dev/sdb tells the user something.
_PATH = re.compile(r"(?<![\w/.])(?!/dev/\w+\b(?!/))(?:[A-Za-z]:\\|~?/)[^\s'\"`]*[/\\][^\s'\"`]*(?:(?<=:in)\s`[^']*')?")


def clean_line(text: str) -> str:
    """The first line that says something, without markup, paths, addresses and control characters, shortened."""
    for line in text[:_LOOKED_AT].splitlines():
        cleaned = _PATH.sub("...", _URL.sub("...", _MARKUP.sub(" ", line)))
        words = "".join(char if char.isprintable() else " " for char in cleaned).split()
        if words:
            whole = " ".join(words)
            return whole if len(whole) <= _LONGEST else whole[: _LONGEST - 3] + "..."
    return ""
