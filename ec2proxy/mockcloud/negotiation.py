"""Reading what a request says about itself: the style of answer that it takes, and whose it is."""

import base64
import binascii

_STYLES = {
    "application/xml": "xml",
    "text/xml": "xml",
    "application/*": "xml",
    "*/*": "xml",
    "application/json": "json",
}


def style_of(accept: str | None) -> str | None:
    """``xml`` or ``json``, whichever an Accept header would rather have, or None where it takes neither.

    Without a header, and between equals, it is the one named first; HTML is not made here.
    """
    best, best_quality = None, 0.0
    for part in (accept or "*/*").split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        style = _STYLES.get(name.lower())
        quality = _quality(parameters)
        if style is not None and quality > best_quality:
            best, best_quality = style, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def basic_credentials(authorization: str | None) -> tuple[str, str] | None:
    """The user and password of an HTTP Basic header, or None where there is no such header."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
