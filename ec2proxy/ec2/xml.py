"""Answers as EC2 writes them: one declarative writer on lxml."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lxml import etree

from ec2proxy.ec2.characters import NOT_XML

Value: TypeAlias = "bool | int | float | str | datetime | Mapping[str, Value] | Sequence[Value] | None"
Payload: TypeAlias = Mapping[str, Value]

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def response(action: str, namespace: str, request_id: str, payload: Payload | None) -> bytes:
    """The document that answers an action.

    ``requestId`` comes first, since salt-cloud takes the second child for the payload.

    :param action: ``DescribeInstances``.
    :param namespace: as :func:`namespace_of` gives it, for one.
    :param payload: what follows, in its order; None for an action that only says ``<return>true</return>``.
    """
    members = {"requestId": request_id, **({"return": True} if payload is None else payload)}
    return document(f"{action}Response", namespace, members)


def error(code: str, message: str, request_id: str) -> bytes:
    """The document that says no: no namespace, Code before Message and nothing else beside them."""
    root = etree.Element("Response")
    _write(root, "", {"Errors": {"Error": {"Code": code, "Message": message}}, "RequestID": request_id})
    return _document(root)


def document(root: str, namespace: str, members: Payload) -> bytes:
    """A whole document: ``members`` under an element ``root``, all in one namespace."""
    default: Any = {None: namespace}  # lxml's stubs know of no default namespace
    element = etree.Element(f"{{{namespace}}}{root}", nsmap=default)
    _write(element, f"{{{namespace}}}", members)
    return _document(element)


def namespace_of(version: str) -> str:
    """The XML namespace of an API version; libcloud compares it, the last slash included."""
    return f"http://ec2.amazonaws.com/doc/{version}/"


def timestamp(when: datetime) -> str:
    """A time as EC2 writes it, ``2026-11-23T17:07:59.000Z``.

    :raises ValueError: the time is naive.
    """
    if when.tzinfo is None:
        raise ValueError("a time without a zone cannot be told to a client")
    when = when.astimezone(UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"


def text(value: bool | int | float | str | datetime) -> str:
    """A plain value as EC2 writes it; characters that XML cannot carry become U+FFFD."""
    if isinstance(value, str):
        return NOT_XML.sub("\ufffd", value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timestamp(value)
    return str(value)


def _document(root: etree._Element) -> bytes:
    return _DECLARATION + etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def _write(parent: etree._Element, prefix: str, members: Mapping[str, Value]) -> None:
    for name, value in members.items():
        if value is not None:
            _fill(etree.SubElement(parent, prefix + name), prefix, value)


def _fill(element: etree._Element, prefix: str, value: Value) -> None:
    if isinstance(value, Mapping):
        _write(element, prefix, value)
    elif value is None or isinstance(value, (str, bool, int, float, datetime)):
        element.text = None if value is None else text(value)
    elif isinstance(value, bytes):
        raise TypeError("bytes have no place in a document")
    else:
        for item in value:
            if item is not None:
                _fill(etree.SubElement(element, f"{prefix}item"), prefix, item)
