"""XML in the layout of Deltacloud's templates, so that answers are the recorded ones to the byte.

No serializer writes that layout (single quotes, sorted attributes, a line for each child, three kinds of empty
element), so these few functions do. Each returns an element without the line break after it.
"""

import re
from xml.sax.saxutils import escape

DECLARATION = "<?xml version='1.0' encoding='utf-8' ?>\n"

# What XML 1.0 cannot hold, however it is escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text(value: str) -> str:
    """``value`` as character data."""
    return escape(_FORBIDDEN.sub("", value))


def cdata(value: str) -> str:
    """``value``, stripped, as a CDATA section."""
    return f"<![CDATA[{_FORBIDDEN.sub('', value).strip().replace(']]>', ']]]]><![CDATA[>')}]]>"


def _opening(name: str, attributes: dict[str, str | None]) -> str:
    parts = [
        f" {key}='{text(value).replace(chr(39), '&apos;')}'"
        for key, value in sorted(attributes.items())
        if value is not None
    ]
    return f"<{name}{''.join(parts)}"


def closed(name: str, /, **attributes: str | None) -> str:
    """An element without content, ``<link rel='destroy' />``; attributes that are None are left out."""
    return f"{_opening(name, attributes)} />"


def inline(name: str, /, *content: str, **attributes: str | None) -> str:
    """An element on one line, ``<name>vol1</name>``; the content is XML already."""
    return f"{_opening(name, attributes)}>{''.join(content)}</{name}>"


def block(name: str, /, *content: str, **attributes: str | None) -> str:
    """An element whose every child has a line of its own; the content is XML already."""
    return "\n".join((f"{_opening(name, attributes)}>", *content, f"</{name}>"))
