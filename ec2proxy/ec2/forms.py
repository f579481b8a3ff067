"""From the bytes of a query and a form to parameters, strictly: what is not plain is refused, never mended."""

import re
from urllib.parse import unquote_to_bytes

from ec2proxy.ec2.characters import NOT_XML
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.request import RawRequest

Pairs = tuple[tuple[str, str], ...]

#: Twice the thousand ids that EC2 takes in one request.
MAX_PARAMETERS = 2000

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FORM = re.compile(rb'application/x-www-form-urlencoded(?:[ \t]*;[ \t]*charset="?utf-?8"?)?[ \t]*;?', re.IGNORECASE)


def pairs(request: RawRequest) -> Pairs:
    """The parameters of the query, then those of the form, in their order, repeats kept.

    :raises EC2Error: ``MalformedQueryString`` or ``InvalidCharacter`` for bad encodings, ``InvalidRequest`` for a
        body that is not a form.
    """
    query = parse(request.query) if request.query else ()
    if not request.body:
        return query
    _require_form(request)
    both = query + parse(request.body)
    _require_few(len(both))
    return both


def parse(raw: bytes) -> Pairs:
    """The parameters of one urlencoded text.

    :raises EC2Error: ``MalformedQueryString`` or ``InvalidCharacter``.
    """
    _require_few(raw.count(b"&") + 1)
    if b"%" in raw and _BAD_ESCAPE.search(raw):
        raise EC2Error("MalformedQueryString", "The query string contains a percent sign that escapes nothing.")
    # '+' is a blank everywhere; separators are cut at before escapes are resolved, so an escaped one is data.
    plain = b"%" not in raw
    raw = raw.replace(b"+", b" ")
    found = []
    try:
        for part in raw.split(b"&"):
            name, _, value = part.partition(b"=")
            if plain:
                found.append((name.decode(), value.decode()))
            else:
                found.append((unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()))
    except UnicodeDecodeError:
        raise EC2Error("MalformedQueryString", "The query string is not valid UTF-8.") from None
    return _checked(found)


def _require_form(request: RawRequest) -> None:
    if request.method != "POST":
        raise EC2Error("InvalidRequest", "Only a POST may carry a body.")
    kind = request.header(b"content-type")
    if kind is not None and not _FORM.fullmatch(kind.strip()):
        text = kind.decode("ascii", "replace")
        raise EC2Error(
            "InvalidRequest",
            f"The Content-Type '{shown(text)}' is not application/x-www-form-urlencoded in UTF-8.",
        )


def _require_few(count: int) -> None:
    if count > MAX_PARAMETERS:
        raise EC2Error("MalformedQueryString", f"The request has more than {MAX_PARAMETERS} parameters.")


def _checked(found: list[tuple[str, str]]) -> Pairs:
    for name, value in found:
        if NOT_XML.search(name) or NOT_XML.search(value):
            raise EC2Error("InvalidCharacter", "A parameter contains a character that is not valid in XML.")
        if not name and value:
            raise EC2Error("MalformedQueryString", "The query string contains a value without a name.")
    # What is left over between two '&' says nothing: 'a=1&&b=2', 'a=1&'.
    return tuple(pair for pair in found if pair[0])
