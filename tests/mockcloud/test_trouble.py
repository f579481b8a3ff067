"""Trouble on demand."""

from twisted.internet.defer import Deferred
from twisted.internet.testing import AccumulatingProtocol
from twisted.web.client import ResponseFailed, readBody
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH

from ec2proxy.mockcloud.trouble import Answer, Exchange

from .support import CloudTestCase

SPEC = "image_id=img1&name=web"


class RuleTests(CloudTestCase):
    """Which request trouble befalls."""

    def statuses(self, *paths: str) -> list[int]:
        return [self.get(path).status for path in paths]

    def test_the_next_request(self):
        """Trouble befalls one request and is over."""
        self.cloud.trouble.answer(503)
        self.assertEqual(self.statuses("/api/realms", "/api/realms"), [503, 200])

    def test_the_next_few(self):
        """Trouble can befall a number of requests."""
        rule = self.cloud.trouble.answer(503, times=2)
        self.assertEqual(self.statuses("/api", "/api/realms", "/api/realms"), [503, 503, 200])
        self.assertEqual(rule.befell, 2)

    def test_for_good(self):
        """Trouble can go on until it is cleared."""
        self.cloud.trouble.answer(503, times=None)
        self.assertEqual(self.statuses(*["/api/realms"] * 5), [503] * 5)
        self.cloud.trouble.clear()
        self.assertEqual(self.get("/api/realms").status, 200)

    def test_path_and_method(self):
        """Trouble befalls what has its method and its path."""
        self.cloud.trouble.answer(502, method="POST", path="/api/instances/*/stop", times=None)
        self.assertEqual(self.get("/api/instances/inst1").status, 200)
        self.assertEqual(self.call("POST", "/api/instances/inst1/reboot").status, 202)
        self.assertEqual(self.call("POST", "/api/instances/inst1/stop").status, 502)

    def test_first_come(self):
        """The rule that was made first goes first."""
        self.cloud.trouble.answer(502)
        self.cloud.trouble.answer(503)
        self.assertEqual(self.statuses("/api", "/api", "/api"), [502, 503, 200])


class AnswerTests(CloudTestCase):
    """Trouble that does nothing but answer."""

    def test_answer(self):
        """A status, body and type of one's choice; nothing else was done."""
        self.cloud.trouble.answer(500, b"<broken", "text/xml")
        heard = self.call("POST", "/api/instances", SPEC)
        self.assertEqual((heard.status, heard.body, heard.headers["content-type"]), (500, b"<broken", "text/xml"))
        self.assertNotIn("inst4", self.cloud.instances)

    def test_backtrace(self):
        """An error with a long backtrace is a well-formed Deltacloud error."""
        self.cloud.trouble.backtrace(502, "it <broke>", 90_000)
        heard = self.get("/api/instances")
        self.assertEqual(heard.status, 502)
        self.assertEqual(heard.xml.findtext("message"), "it <broke>")
        self.assertGreater(len(heard.body), 90_000)

    def test_html(self):
        """A page where XML was expected."""
        self.cloud.trouble.html()
        heard = self.get("/api/instances")
        self.assertEqual((heard.status, heard.headers["content-type"]), (200, "text/html;charset=utf-8"))

    def test_own_trouble(self):
        """Trouble of a test's own making is given the exchange."""

        async def twice(exchange: Exchange) -> None:
            await exchange.carry_out()
            exchange.send(await exchange.carry_out())

        self.cloud.trouble.add(twice, method="POST")
        heard = self.call("POST", "/api/instances", SPEC)
        self.assertEqual(heard.xml.get("id"), "inst5")


class SlowTests(CloudTestCase):
    """Trouble that takes time."""

    def test_delay(self):
        """The call is carried out when the delay is over."""
        self.cloud.trouble.delay(5)
        asked = self.ask("POST", "/api/instances", SPEC)
        self.clock.advance(4.9)
        self.assertNotIn("inst4", self.cloud.instances)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        self.agent.flush()
        self.assertEqual(self.successResultOf(asked).code, 201)

    def test_never(self):
        """The answer never comes."""
        self.cloud.trouble.never_answer()
        asked = self.ask("GET", "/api/realms")
        self.clock.advance(1e6)
        self.agent.flush()
        self.assertNoResult(asked)

    def test_client_goes_away(self):
        """A client that goes away takes its timer along, and nothing is logged."""
        self.cloud.trouble.delay(5)
        asked = self.ask("POST", "/api/instances", SPEC)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        asked.cancel()
        self.agent.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.failureResultOf(asked, ResponseFailed)
        self.assertNotIn("inst4", self.cloud.instances)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_drip(self):
        """A body comes in pieces, by the clock."""
        self.cloud.trouble.drip(100, 1.0)
        response = self.successResultOf(self.ask("GET", "/api/realms"))
        body = readBody(response)
        for _ in range(2):
            self.assertNoResult(body)
            self.clock.advance(1.0)
            self.agent.flush()
        self.clock.advance(1.0)
        self.agent.flush()
        self.assertEqual(self.successResultOf(body), self.get("/api/realms").body)

    def test_endless(self):
        """A body without an end goes on after the document, until the client has enough."""
        self.cloud.trouble.drip(1000, 1.0, endless=True)
        response = self.successResultOf(self.ask("GET", "/api/realms"))
        self.assertEqual(response.length, UNKNOWN_LENGTH)
        # Not readBody: cancelling that does not close the connection.
        reader = AccumulatingProtocol()
        response.deliverBody(reader)
        for _ in range(50):
            self.clock.advance(1.0)
            self.agent.flush()
        self.assertGreater(len(reader.data), 50_000)
        self.assertEqual(reader.closed, 0)
        reader.transport.loseConnection()
        self.agent.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LossTests(CloudTestCase):
    """Trouble that loses something."""

    def test_cut(self):
        """The connection is lost midway through the body."""
        self.cloud.trouble.cut(0.5)
        body = readBody(self.successResultOf(self.ask("GET", "/api/realms")))
        self.agent.flush()
        self.failureResultOf(body, ResponseFailed, PotentialDataLoss)

    def test_lost_answer(self):
        """The call was carried out, and nobody hears of it."""
        self.cloud.trouble.lose_answer(method="POST")
        asked = self.ask("POST", "/api/instances", SPEC)
        self.agent.flush()
        self.failureResultOf(asked, ResponseFailed)
        self.assertIn("inst4", self.cloud.instances)

    def test_silent(self):
        """The call was carried out, and nothing is heard of it, until the client has enough."""
        self.cloud.trouble.lose_answer(silent=True)
        asked = self.ask("POST", "/api/instances", SPEC)
        self.agent.flush()
        self.assertNoResult(asked)
        self.assertIn("inst4", self.cloud.instances)
        asked.cancel()
        self.agent.flush()
        self.failureResultOf(asked, ResponseFailed)
        self.assertEqual(self.flushLoggedErrors(), [])


class CrashTests(CloudTestCase):
    """A bug of the mock cloud, or of a test's trouble."""

    def test_logged_once(self):
        """It is logged, and the client gets a bare 500."""

        async def broken(_exchange: Exchange) -> None:
            raise ZeroDivisionError

        self.cloud.trouble.add(broken)
        self.assertEqual(self.get("/api").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_after_the_headers(self):
        """When the answer has begun, the connection is lost."""

        async def broken(exchange: Exchange) -> None:
            exchange.begin(Answer(200), 10)
            exchange.push(b"12345")
            await Deferred.fromCoroutine(fail())

        async def fail() -> None:
            raise ZeroDivisionError

        self.cloud.trouble.add(broken)
        body = readBody(self.successResultOf(self.ask("GET", "/api")))
        self.agent.flush()
        self.failureResultOf(body, ResponseFailed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
