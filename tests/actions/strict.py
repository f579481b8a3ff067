"""EC2 answers held to botocore's model: nothing that it does not know, nothing missing, nothing of a wrong type.

botocore's own parser overlooks what it does not know; here that is a failure.
"""

import re
from functools import cache
from typing import Any

from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser
from botocore.session import get_session
from lxml import etree

VERSION = "2016-11-15"

_PATTERNS = {
    "boolean": r"true|false",
    "double": r"-?\d+(\.\d+)?",
    "float": r"-?\d+(\.\d+)?",
    "integer": r"-?\d+",
    "long": r"-?\d+",
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
}
# Instance types are the backend's hardware profiles, whatever it calls them.
_OPEN_ENUMS = {"InstanceType"}


@cache
def operation(action: str) -> OperationModel:
    """What botocore knows of an EC2 action."""
    return get_session().get_service_model("ec2").operation_model(action)


class Wrong(AssertionError):
    """An answer that is not what the model says."""


def parsed(action: str, document: bytes, version: str = VERSION, enums: bool = True) -> dict[str, Any]:
    """An answer as boto3 gives it to its users.

    :param version: the API version that its namespace has to name.
    :param enums: whether words of a closed list have to be on it.
    :raises Wrong: it is not what botocore's model says.
    """
    walk = _Walk(f"{{http://ec2.amazonaws.com/doc/{version}/}}", enums)
    walk.answer(action, etree.fromstring(document))
    found: dict[str, Any] = create_parser("ec2").parse(_response(document, 200), operation(action).output_shape)
    return found


def structure(node: etree._Element, shape: Shape, namespace: str = "", enums: bool = True) -> None:
    """See that an element is what a shape says.

    :raises Wrong: it is not.
    """
    _Walk(f"{{{namespace}}}" if namespace else "", enums).value(node, shape)


def refused(document: bytes, status: int) -> tuple[str, str]:
    """Code and message of an error answer.

    :raises Wrong: it has not exactly the elements that clients rely on.
    """
    root = etree.fromstring(document)
    found = [(root.getroottree().getpath(each), dict(each.attrib)) for each in root.iter()]
    paths = ("", "/Errors", "/Errors/Error", "/Errors/Error/Code", "/Errors/Error/Message", "/RequestID")
    if found != [(f"/Response{path}", {}) for path in paths]:
        raise Wrong(f"not an EC2 error: {document.decode()}")
    understood = create_parser("ec2").parse(_response(document, status), None)
    if not understood["ResponseMetadata"]["RequestId"]:
        raise Wrong("an error without a request id")
    return understood["Error"]["Code"], understood["Error"]["Message"]


def _response(document: bytes, status: int) -> dict[str, Any]:
    return {"body": document, "headers": {}, "status_code": status}


class _Walk:
    def __init__(self, prefix: str, enums: bool) -> None:
        self._prefix = prefix
        self._enums = enums

    def answer(self, action: str, root: etree._Element) -> None:
        self._expect(root.tag == f"{self._prefix}{action}Response", root, "the root is not the action's")
        names = [each.tag.removeprefix(self._prefix) for each in root]
        self._expect(names[:1] == ["requestId"], root, "requestId is not first")
        self._expect(bool(root[0].text), root, "requestId is empty")
        root.remove(root[0])
        shape = operation(action).output_shape
        if shape is None:
            said = [(each.tag, each.text, len(each)) for each in root]
            self._expect(said == [(f"{self._prefix}return", "true", 0)], root, "not just <return>true</return>")
        else:
            self._structure(root, shape)

    def _expect(self, true: bool, node: etree._Element, why: str) -> None:
        if not true:
            raise Wrong(f"{node.getroottree().getpath(node)}: {why}: {etree.tostring(node).decode()[:300]}")

    def value(self, node: etree._Element, shape: Shape) -> None:
        self._expect(not node.attrib, node, "has attributes")
        if shape.type_name == "structure":
            self._structure(node, shape)
        elif shape.type_name == "list":
            self._list(node, shape)
        else:
            self._scalar(node, shape)

    def _structure(self, node: etree._Element, shape: Shape) -> None:
        self._expect(not (node.text or "").strip(), node, "has text")
        members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        seen = set()
        for child in node:
            name = child.tag.removeprefix(self._prefix)
            self._expect(child.tag == self._prefix + name and "}" not in name, child, "is in another namespace")
            self._expect(name in members, child, f"{shape.name} has no {name}")
            self._expect(name not in seen, child, "is there twice")
            seen.add(name)
            self.value(child, members[name][1])
        missing = {name for name, (member, _) in members.items() if member in shape.required_members} - seen
        self._expect(not missing, node, f"lacks {missing}")

    def _list(self, node: etree._Element, shape: Shape) -> None:
        self._expect(not (node.text or "").strip(), node, "has text")
        item = self._prefix + shape.member.serialization.get("name", "item")
        for child in node:
            self._expect(child.tag == item, child, "is not an item")
            self.value(child, shape.member)

    def _scalar(self, node: etree._Element, shape: Shape) -> None:
        self._expect(len(node) == 0, node, "is no plain value")
        text = node.text or ""
        if shape.type_name != "string":
            self._expect(re.fullmatch(_PATTERNS[shape.type_name], text) is not None, node, f"no {shape.type_name}")
        elif self._enums and shape.enum and shape.name not in _OPEN_ENUMS:
            self._expect(text in shape.enum, node, f"no {shape.name}")
