"""What crosses over between a Deltacloud client and the backend."""

from urllib.parse import unquote_to_bytes, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from ec2proxy.model import Backend
from ec2proxy.web import passage

BACKEND = Backend("http://backend:3002/deep/api/", driver="mock", provider="eu")


class TargetTests(SynchronousTestCase):
    def test_below(self) -> None:
        """What follows the first segment is appended to the base, as it was written."""
        for uri, below in [
            (b"/api", b""),
            (b"/api/", b"/"),
            (b"/api?x=/../", b"?x=/../"),
            (b"/%61pi/instances/i%20n?state=A%2FB&x", b"/instances/i%20n?state=A%2FB&x"),
            (b"/api/buckets/b/a%2Fb..c/...", b"/buckets/b/a%2Fb..c/..."),
            (b"/api//x", b"//x"),
            (b"/api/%zz", b"/%zz"),
        ]:
            self.assertEqual(passage.backend_url(BACKEND, uri), b"http://backend:3002/deep/api" + below)

    def test_climbing(self) -> None:
        """A path that climbs, however it is disguised, goes nowhere."""
        for below in (
            b"/..",
            b"/../x",
            b"/x/../../y",
            b"/.",
            b"/%2e%2e/x",
            b"/.%2E/x",
            b"/%252e%252e/x",
            b"/%25252e%25252e/x",
            b"/%2525252525252e%2e",
            b"/x%2f..%2f..%2fy",
            b"/..%5cx",
            b"/..\\x",
            b"/..;a=b/x",
            b"/x#/../y",
            b"/x\x7f",
            b"/\xa0",
        ):
            self.assertIsNone(passage.backend_url(BACKEND, b"/api" + below), below)
        self.assertIsNone(passage.backend_url(BACKEND, b"/api/x?\xa0"))

    @given(st.lists(st.sampled_from([b"/", b".", b"..", b"%2e", b"%2F", b"%5c", b"%25", b"2e", b"a", b"?", b";"])))
    def test_never_out(self, pieces: list[bytes]) -> None:
        """Whatever is asked for is below the base, for whoever decodes it up to thrice."""
        url = passage.backend_url(BACKEND, b"/api/" + b"".join(pieces))
        if url is None:
            return
        path = urlsplit(url).path
        for _ in range(3):
            self.assertTrue(path.startswith(b"/deep/api"))
            self.assertFalse({b"..", b"."} & set(path.replace(b"\\", b"/").split(b"/")))
            path = unquote_to_bytes(path)


class HeaderTests(SynchronousTestCase):
    def test_request(self) -> None:
        """What concerns the client's connection stays behind; everything else goes on, its Host included."""
        received = Headers(
            {
                b"Host": [b"proxy:3001"],
                b"Authorization": [b"Basic x"],
                b"Accept": [b"application/xml"],
                b"Content-Type": [b"a/b"],
                b"Content-Length": [b"3"],
                b"Connection": [b"close, X-Private", b"x-other"],
                b"X-Private": [b"1"],
                b"X-Other": [b"1"],
                b"TE": [b"trailers"],
                b"Transfer-Encoding": [b"chunked"],
                b"Upgrade": [b"h2c"],
                b"Proxy-Authorization": [b"Basic y"],
                b"Expect": [b"100-continue"],
                b"X-Twice": [b"1", b"2"],
            }
        )
        self.assertEqual(
            passage.request_headers(BACKEND, received),
            Headers(
                {
                    b"Host": [b"proxy:3001"],
                    b"Authorization": [b"Basic x"],
                    b"Accept": [b"application/xml"],
                    b"Content-Type": [b"a/b"],
                    b"X-Twice": [b"1", b"2"],
                    b"Via": [b"1.1 ec2proxy"],
                    b"X-Deltacloud-Driver": [b"mock"],
                    b"X-Deltacloud-Provider": [b"eu"],
                }
            ),
        )

    def test_own_driver(self) -> None:
        """A client that names a driver itself gets that one; a backend without one names none."""
        headers = passage.request_headers(BACKEND, Headers({b"x-deltacloud-driver": [b"ec2"]}))
        self.assertEqual(headers.getRawHeaders(b"X-Deltacloud-Driver"), [b"ec2"])
        self.assertEqual(headers.getRawHeaders(b"X-Deltacloud-Provider"), [b"eu"])
        plain = passage.request_headers(Backend("http://x/api"), Headers())
        self.assertEqual(list(plain.getAllRawHeaders()), [(b"Via", [b"1.1 ec2proxy"])])

    def test_location(self) -> None:
        """A redirect is one that the client can follow, and otherwise as it was."""
        for place, ours in [
            (b"http://proxy:3001/deep/api/instances/i?x#y", b"/api/instances/i?x#y"),
            (b"http://backend:3002/deep/api", b"/api"),
            (b"//backend:3002/deep/api/x", b"/api/x"),
            (b"http://backend:3002/deeper", b"http://backend:3002/deeper"),
            (b"http://backend:3002/deep/apis", b"http://backend:3002/deep/apis"),
            (b"http://elsewhere/deep/api/x", b"http://elsewhere/deep/api/x"),
            (b"/relative", b"/relative"),
        ]:
            headers = passage.response_headers(BACKEND, Headers({b"Location": [place]}), b"proxy:3001", b"/api")
            self.assertEqual(headers.getRawHeaders(b"Location"), [ours])

    def test_location_of_ours(self) -> None:
        """One that points at our own host and mount point already is left alone."""
        place = b"http://proxy:3001/api/instances/i"
        headers = passage.response_headers(
            Backend("http://backend/api"), Headers({b"Location": [place]}), b"proxy:3001", b"/api"
        )
        self.assertEqual(headers.getRawHeaders(b"Location"), [place])
