"""Queries and forms."""

from urllib.parse import parse_qsl, urlencode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2 import forms
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from tests.ec2.captures import captures
from tests.ec2.properties import unhurried

XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
)


def post(
    body: bytes, content_type: bytes | None = b"application/x-www-form-urlencoded", query: bytes = b""
) -> RawRequest:
    headers = () if content_type is None else ((b"content-type", content_type),)
    return RawRequest("POST", b"/", query, headers, body)


class ParseTests(SynchronousTestCase):
    def code_of(self, raw: bytes) -> str:
        return self.assertRaises(EC2Error, forms.parse, raw).code

    @unhurried
    @given(st.lists(st.tuples(XML_TEXT.filter(bool), XML_TEXT)))
    def test_round_trip(self, pairs: list[tuple[str, str]]) -> None:
        """What urlencode writes comes back, in its order, repeats kept."""
        self.assertEqual(forms.parse(urlencode(pairs).encode()), tuple(pairs))

    def test_captures(self) -> None:
        """Real clients' forms are read as the standard library reads them."""
        for capture in captures():
            raw = capture.request.query or capture.request.body
            self.assertEqual(forms.parse(raw), tuple(parse_qsl(raw.decode(), keep_blank_values=True)), capture.name)

    @unhurried
    @given(st.binary())
    def test_never_anything_else(self, raw: bytes) -> None:
        """Any bytes are parameters or an EC2Error."""
        try:
            pairs = forms.parse(raw)
        except EC2Error as error:
            self.assertIn(error.code, ("MalformedQueryString", "InvalidCharacter"))
        else:
            self.assertTrue(all(name for name, _ in pairs))

    def test_blanks_and_separators(self) -> None:
        """Plus and %20 are blanks, an escaped separator is data, empty parts say nothing, '=' is optional."""
        self.assertEqual(
            forms.parse(b"a=1+2%203&b=%26%3D%2B&&c&d=x=y&"), (("a", "1 2 3"), ("b", "&=+"), ("c", ""), ("d", "x=y"))
        )
        self.assertEqual(forms.parse(b"a;b=c"), (("a;b", "c"),))

    def test_malformed(self) -> None:
        """Bad escapes, bad UTF-8 and values without names are not mended."""
        for raw in (b"a=%", b"a=%4", b"a=%zz", b"a=%c3%28", b"a=\xff", b"%ff=a", b"=x", b"a=%ed%a0%80", b"a=%+1"):
            self.assertEqual(self.code_of(raw), "MalformedQueryString", raw)

    def test_characters(self) -> None:
        """What XML cannot carry is refused; tab, line feed and carriage return it can."""
        for raw in (b"a=%00", b"a=%1b", b"%08=a", b"a=%ef%bf%be", b"a=\x01"):
            self.assertEqual(self.code_of(raw), "InvalidCharacter", raw)
        self.assertEqual(forms.parse(b"a=%09%0A%0d%F0%9F%98%80"), (("a", "\t\n\r\N{GRINNING FACE}"),))

    def test_too_many(self) -> None:
        """2,000 parameters are taken, and no more."""
        self.assertEqual(len(forms.parse(b"&".join([b"a=1"] * 2000))), 2000)
        self.assertEqual(self.code_of(b"&".join([b"a=1"] * 2001)), "MalformedQueryString")
        self.assertEqual(self.code_of(b"&" * 10_000_000), "MalformedQueryString")


class PairsTests(SynchronousTestCase):
    def code_of(self, request: RawRequest) -> str:
        return self.assertRaises(EC2Error, forms.pairs, request).code

    def test_query_and_form(self) -> None:
        """The query's parameters come first."""
        self.assertEqual(forms.pairs(post(b"b=2", query=b"a=1")), (("a", "1"), ("b", "2")))
        self.assertEqual(forms.pairs(RawRequest("GET", b"/", b"", (), b"")), ())
        self.assertEqual(forms.pairs(RawRequest("GET", b"/", b"a=1", (), b"")), (("a", "1"),))

    def test_content_types(self) -> None:
        """A form in UTF-8 is taken in every spelling, also without any Content-Type."""
        form = b"application/x-www-form-urlencoded"
        for good in (
            None,
            form,
            form + b"; charset=utf-8",
            form + b";charset=UTF-8",
            form.upper(),
            form + b'; charset="utf-8"',
        ):
            self.assertEqual(forms.pairs(post(b"a=1", good)), (("a", "1"),), good)
        for bad in (
            b"application/json",
            b"multipart/form-data; boundary=x",
            form + b"; charset=latin-1",
            b"",
            b"text/xml\xff",
        ):
            self.assertEqual(self.code_of(post(b"a=1", bad)), "InvalidRequest", bad)

    def test_two_content_types(self) -> None:
        """Which of two holds is not guessed."""
        kinds = ((b"content-type", b"application/x-www-form-urlencoded"), (b"content-type", b"application/json"))
        self.assertEqual(self.code_of(RawRequest("POST", b"/", b"", kinds, b"a=1")), "InvalidRequest")

    def test_only_post_has_a_body(self) -> None:
        """A body that would be overlooked is refused."""
        self.assertEqual(self.code_of(RawRequest("GET", b"/", b"a=1", (), b"b=2")), "InvalidRequest")

    def test_together_too_many(self) -> None:
        """Query and form have one limit together."""
        half = b"&".join([b"a=1"] * 1001)
        self.assertEqual(self.code_of(post(half, query=half)), "MalformedQueryString")
