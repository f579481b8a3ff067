"""What is HTTP and no SDK: presigned URLs, browsers, the Deltacloud API beside EC2's, and requests gone wrong."""

import http.client
import re
from base64 import b64encode
from urllib.parse import urlencode, urlsplit

from lxml import etree

from tests.e2e.cases import PASSWORD, USER, DaemonTestCase, client

BASIC = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class HTTPTestCase(DaemonTestCase):
    """A test with plain HTTP."""

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send one request, on a connection of its own, and read the answer.

        :param headers: with ``_`` for ``-``.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()

    def assert_error(self, answer: tuple[http.client.HTTPResponse, bytes], status: int, code: str) -> None:
        """The answer is an EC2 error."""
        response, body = answer
        self.assertEqual((response.status, etree.fromstring(body).findtext("Errors/Error/Code")), (status, code))


class PlainTests(HTTPTestCase):
    """Requests that are right."""

    def test_presigned(self) -> None:
        """A presigned URL needs nothing else; with another parameter it is nobody's."""
        ec2 = client(self.daemon.url)
        self.addCleanup(ec2.close)
        url = urlsplit(ec2.generate_presigned_url("describe_images", {"ImageIds": ["img2"]}, 60, "GET"))
        target = f"{url.path}?{url.query}"
        response, body = self.ask(target)
        self.assertEqual(response.status, 200)
        self.assertEqual(re.findall(rb"<imageId>(.*?)</imageId>", body), [b"img2"])
        self.assert_error(self.ask(target.replace("img2", "img1")), 403, "SignatureDoesNotMatch")

    def test_redirect(self) -> None:
        """Without an Action, a client is shown the way, as Deltacloud's frontend did."""
        response, _ = self.ask("/ec2", Accept="application/xml")
        self.assertEqual((response.status, response.getheader("Location")), (301, self.daemon.url))

    def test_browser(self) -> None:
        """A browser gets a page."""
        response, body = self.ask("/", Accept="text/html,application/xhtml+xml")
        self.assertEqual((response.status, response.getheader("Content-Type")), (200, "text/html;charset=UTF-8"))
        self.assertIn(self.daemon.url.encode(), body)

    def test_no_credentials(self) -> None:
        """Nobody is let in without credentials."""
        self.assert_error(self.ask("/ec2?Action=DescribeImages"), 403, "MissingAuthenticationToken")

    def test_wrong_password(self) -> None:
        """The cloud's own refusal is EC2's AuthFailure; curl is told what is taken."""
        wrong = "Basic " + b64encode(b"mockuser:wrong").decode()
        answer = self.ask("/ec2?Action=DescribeImages", Authorization=wrong)
        self.assert_error(answer, 401, "AuthFailure")
        self.assertTrue((answer[0].getheader("WWW-Authenticate") or "").startswith("Basic "))

    def test_deltacloud(self) -> None:
        """The Deltacloud API is beside EC2's; its hrefs point at us, and following them works."""
        response, body = self.ask("/api", Accept="application/xml", Authorization=BASIC)
        self.assertEqual(response.status, 200)
        links = {link.get("rel"): link.get("href") for link in etree.fromstring(body).iter("link")}
        self.assertEqual(links["instances"], f"{self.daemon.base}/api/instances")
        _, body = self.ask(urlsplit(links["instances"]).path, Accept="application/xml", Authorization=BASIC)
        href = etree.fromstring(body).find("instance").get("href")
        self.assertTrue(href.startswith(f"{self.daemon.base}/api/instances/"))
        response, body = self.ask(urlsplit(href).path, Accept="application/xml", Authorization=BASIC)
        self.assertEqual((response.status, etree.fromstring(body).get("href")), (200, href))


class TroubleTests(HTTPTestCase):
    """Requests that are wrong."""

    def test_large_body(self) -> None:
        """A body of 10 MB is refused before it is read."""
        self.assert_error(
            self.ask("/ec2", "POST", b"x" * 10_000_000, Authorization=BASIC), 413, "RequestEntityTooLarge"
        )

    def test_many_parameters(self) -> None:
        """10,000 parameters are refused."""
        form = urlencode([("Action", "DescribeInstances"), *((f"InstanceId.{n}", "i") for n in range(10_000))])
        content_type = "application/x-www-form-urlencoded"
        answer = self.ask("/ec2", "POST", form.encode(), Authorization=BASIC, Content_Type=content_type)
        self.assert_error(answer, 400, "MalformedQueryString")

    def test_unknown_parameter(self) -> None:
        """What is not understood is refused, not overlooked."""
        answer = self.ask("/ec2?Action=DescribeInstances&InstanceID=inst0", Authorization=BASIC)
        self.assert_error(answer, 400, "UnknownParameter")

    def test_method(self) -> None:
        """EC2 knows GET and POST."""
        response, _ = self.ask("/ec2?Action=DescribeImages", "DELETE", Authorization=BASIC)
        self.assertEqual(response.status, 405)
