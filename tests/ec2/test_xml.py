"""The writer of answers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2 import xml
from tests.ec2.properties import unhurried

NAMESPACE = xml.namespace_of("2016-11-15")
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "cSet"]), inner),
)


def inside(payload: xml.Payload) -> bytes:
    """What stands after the request id."""
    written = xml.response("X", NAMESPACE, "id", payload)
    return written.partition(b"</requestId>")[2].removesuffix(b"</XResponse>")


def by_lxml(root: str, namespace: str | None, members: xml.Payload) -> bytes:
    """The same document made as a tree."""
    prefix = f"{{{namespace}}}" if namespace else ""

    def fill(element: etree._Element, value: xml.Value) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if inner is not None:
                    fill(etree.SubElement(element, prefix + name), inner)
        elif isinstance(value, list):
            for item in value:
                if item is not None:
                    fill(etree.SubElement(element, f"{prefix}item"), item)
        elif value is not None:
            element.text = xml.text(value)

    tree = etree.Element(prefix + root, nsmap={None: namespace} if namespace else {})
    fill(tree, members)
    return DECLARATION + etree.tostring(tree, encoding="UTF-8", xml_declaration=False)


class ResponseTests(SynchronousTestCase):
    def test_envelope(self) -> None:
        """Root, namespace with its slash, requestId first, then the payload in order."""
        self.assertEqual(
            xml.response("DescribeThings", xml.namespace_of("2014-10-01"), "rid", {"b": 1, "a": "x"}),
            DECLARATION + b'<DescribeThingsResponse xmlns="http://ec2.amazonaws.com/doc/2014-10-01/">'
            b"<requestId>rid</requestId><b>1</b><a>x</a></DescribeThingsResponse>",
        )

    def test_no_payload(self) -> None:
        """An action without one says that it worked: boto2, libcloud and salt look for it."""
        written = xml.response("X", NAMESPACE, "rid", None)
        self.assertTrue(written.endswith(b"<requestId>rid</requestId><return>true</return></XResponse>"))

    def test_values(self) -> None:
        """Each type as EC2 writes it."""
        launched = datetime(2026, 11, 23, 17, 7, 59, 1999, tzinfo=UTC)
        elsewhere = datetime(2026, 11, 23, 19, 7, 59, tzinfo=timezone(timedelta(hours=2)))
        cases: list[tuple[xml.Value, bytes]] = [
            (True, b"<v>true</v>"),
            (False, b"<v>false</v>"),
            (0, b"<v>0</v>"),
            (1.5, b"<v>1.5</v>"),
            ("", b"<v></v>"),
            ("<&>\u00e9", "<v>&lt;&amp;&gt;\u00e9</v>".encode()),
            (launched, b"<v>2026-11-23T17:07:59.001Z</v>"),
            (elsewhere, b"<v>2026-11-23T17:07:59.000Z</v>"),
            ({"a": {"b": "c"}}, b"<v><a><b>c</b></a></v>"),
            (["a", {"b": 1}, []], b"<v><item>a</item><item><b>1</b></item><item/></v>"),
            (("a", None), b"<v><item>a</item></v>"),
        ]
        for value, wanted in cases:
            self.assertEqual(inside({"v": value}), wanted)

    def test_absent_and_empty(self) -> None:
        """None leaves no element: an empty date or number breaks clients. An empty set is an empty element."""
        self.assertEqual(inside({"gone": None, "set": [], "struct": {"gone": None}}), b"<set/><struct/>")

    def test_characters(self) -> None:
        """What XML cannot carry is replaced, a carriage return survives."""
        self.assertEqual(inside({"v": "a\x00\x1b\ud800\uffff\r\n"}), "<v>a\ufffd\ufffd\ufffd\ufffd&#13;\n</v>".encode())

    def test_mistakes(self) -> None:
        """A naive time and bytes are mistakes of the caller's."""
        self.assertRaises(ValueError, inside, {"v": datetime(2026, 1, 1)})
        self.assertRaises(TypeError, inside, {"v": b"x"})

    @unhurried
    @given(st.dictionaries(st.sampled_from(["a", "b"]), VALUES), st.text())
    def test_as_lxml(self, payload: Mapping[str, xml.Value], message: str) -> None:
        """Every byte is what lxml makes of the same tree."""
        members = {"requestId": "id", **payload}
        self.assertEqual(xml.response("X", NAMESPACE, "id", payload), by_lxml("XResponse", NAMESPACE, members))
        self.assertEqual(xml.document("X", "a:&b", members), by_lxml("X", "a:&b", members))
        told = {"Errors": {"Error": {"Code": "c", "Message": message}}, "RequestID": "id"}
        self.assertEqual(xml.error("c", message, "id"), by_lxml("Response", None, told))

    @unhurried
    @given(st.lists(VALUES), st.sets(st.integers(0, 9)))
    def test_written(self, items: list[xml.Value], which: set[int]) -> None:
        """An item that was written before is the same in its place, and a list may be made on the way."""
        before = [
            xml.written(item) if place in which and item is not None else item for place, item in enumerate(items)
        ]
        self.assertEqual(inside({"a": before}), inside({"a": items}))
        self.assertEqual(inside({"a": iter(before)}), inside({"a": items}))

    def test_written_elsewhere(self) -> None:
        """It cannot stand further in, where nothing looks for it."""
        for payload in ({"a": xml.written("b")}, {"a": {"b": [xml.written("b")]}}, {"a": [[xml.written("b")]]}):
            self.assertRaises(TypeError, inside, payload)

    @unhurried
    @given(st.dictionaries(st.sampled_from(["a", "b"]), VALUES))
    def test_always_well_formed(self, payload: Mapping[str, xml.Value]) -> None:
        """Any payload makes a document of one namespace, whose second child is the payload."""
        root = etree.fromstring(xml.response("X", NAMESPACE, "id", payload))
        spaces = {etree.QName(element).namespace for element in root.iter()}
        self.assertEqual(spaces, {"http://ec2.amazonaws.com/doc/2016-11-15/"})
        names = [etree.QName(child).localname for child in root]
        self.assertEqual(names, ["requestId", *(name for name, value in payload.items() if value is not None)])


class ErrorTests(SynchronousTestCase):
    def test_document(self) -> None:
        """No namespace, Code and Message alone in that order, RequestID spelt so."""
        self.assertEqual(
            xml.error("InvalidAMIID.NotFound", "no <such>", "rid"),
            DECLARATION + b"<Response><Errors><Error><Code>InvalidAMIID.NotFound</Code>"
            b"<Message>no &lt;such&gt;</Message></Error></Errors><RequestID>rid</RequestID></Response>",
        )
