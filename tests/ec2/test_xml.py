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
