"""The admin endpoint's pages: what they show, to whom, and how they end."""

import base64
import json
import sys

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

from ec2proxy.admin.resources import MOST_WATCHERS
from ec2proxy.admin.tables import Html, mark, table
from ec2proxy.cloud.launch import Order
from ec2proxy.ec2.record import Pursued
from ec2proxy.observing import exporting
from tests.admin.support import AdminTestCase
from tests.cloud.support import MINE, SPEC
from tests.web.wires import Client

HOSTILE = "<script>alert('x')</script>&\""


class ConsoleTests(AdminTestCase):
    def test_empty(self) -> None:
        """Before anything has happened it says so, in words."""
        page = self.page()
        for text in ("Nobody has asked for this region", "Nothing has been changed", "Everything that was promised"):
            self.assertIn(text, page)
        self.assertIn("not asked yet", page)
        self.done(self.cloud.inventory.instances(MINE))
        self.assertIn("There are none.", self.page())

    def test_cloud(self) -> None:
        """It shows the instances of the pictures that are held, with EC2's states, and asks the backend nothing."""
        self.done(self.cloud.launcher.launch(MINE, Order(SPEC, 2, 2)))
        self.later(5)
        first, second = (view.instance.id for view in self.done(self.cloud.lifecycle.instances(MINE)))
        plan = self.done(self.cloud.lifecycle.plan(MINE, "terminate", [second]))
        self.done(self.cloud.lifecycle.carry_out(MINE, plan))
        asked = len(self.backend.requests)
        page = self.page()
        self.assertEqual(len(self.backend.requests), asked)
        self.assertRegex(page, rf'{first}</th><td><span class="mark good">running')
        self.assertRegex(page, rf'{second}</th><td><span class="mark warning">shutting-down')
        self.assertIn("1 running, 1 shutting-down", page)
        self.assertRegex(page, rf"{second}</th><td>terminate</td>")
        self.assertIn("answers", page)

    def test_changes(self) -> None:
        """It shows the last changes, what was refused among them, the newest first."""
        self.note(changes=True, action="StopInstances", resources=("i-1", "i-2"))
        self.note(changes=True, action="RebootInstances", status=400, error="InvalidInstanceID.NotFound")
        page = self.page()
        self.assertIn("i-1, i-2", page)
        self.assertLess(page.index("RebootInstances"), page.index("StopInstances"))
        self.assertIn('<span class="mark warning">InvalidInstanceID.NotFound', page)

    def test_later(self) -> None:
        """What is done after the answer is told with its step; nobody's address is."""
        self.audit.note_later(Pursued(1.0, "here", "r-1", "AK", "TerminateInstances", "i-1", "destroy", 0.04, ""))
        self.assertRegex(
            self.page(), r"TerminateInstances: destroy</td>.*done</span></td><td>i-1</td><td>AK</td><td>-</td>"
        )

    def test_unreached(self) -> None:
        """A backend that is down is named at the top."""
        self.counts.called("here", "instances.list", 0.1, "BackendUnavailable")
        page = self.page()
        self.assertIn('<span class="mark bad">here not reached', page)
        self.counts.called("here", "instances.list", 0.1, "NotFound")
        self.assertIn("all is well", self.page())

    def test_escaped(self) -> None:
        """Nothing that a client or a backend says becomes markup."""
        self.note(changes=True, action=HOSTILE, resources=(HOSTILE,), principal=HOSTILE, status=400, error=HOSTILE)
        self.assertNotIn("<script>a", self.page())
        self.assertEqual(self.page().count("&lt;script&gt;"), 4)
        told = table(HOSTILE, (HOSTILE, HOSTILE), [(HOSTILE, mark("good", HOSTILE))], HOSTILE)
        self.assertNotIn("<script>", told)
        self.assertNotIn("<script>", table("", (), [], HOSTILE))
        self.assertIn("<b>", table("", ("",), [(Html("<b>"),)], ""))

    def test_head(self) -> None:
        """No page may be framed, cached, sniffed, or run anything but our own script."""
        headers = self.ask("/").headers
        policy = headers["content-security-policy"]
        for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
            self.assertIn(rule, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertNotIn("access-control-allow-origin", headers)
        self.assertNotRegex(self.page(), r"style=|<script>|onclick|https?://(?!cloud)")

    def test_assets(self) -> None:
        """The style and the script come with the package."""
        style, script = self.ask("/console.css"), self.ask("/console.js")
        self.assertEqual((style.status, script.status), (200, 200))
        self.assertIn("prefers-color-scheme: dark", style.body.decode())
        self.assertIn("EventSource", script.body.decode())

    def test_methods(self) -> None:
        """HEAD is GET without a body; all else is refused; other paths are not there."""
        head = self.ask("/", method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.headers["content-length"]), 1000)
        self.assertEqual(self.ask("/events", method="HEAD").headers["content-type"], "text/event-stream")
        self.assertEqual(self.monitor.watched, 0)
        refused = self.ask("/", "Content-Length: 0", method="POST")
        self.assertEqual((refused.status, refused.headers["allow"]), (405, "GET, HEAD"))
        self.assertEqual(self.ask("/x").status, 404)
        self.assertEqual(self.ask("/console.js/x").status, 404)

    def test_failure(self) -> None:
        """What should not have happened is logged and answered with 500."""

        async def broken() -> list[object]:
            raise RuntimeError("tOpSeCrEt")

        self.monitor._gather = broken  # type: ignore[assignment]
        response = self.ask("/")
        self.assertEqual(response.status, 500)
        self.assertNotIn(b"tOpSeCrEt", response.body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_gone(self) -> None:
        """A client that leaves while the page is made is let go."""
        waiting: Deferred[list[object]] = Deferred()

        async def slow() -> list[object]:
            return await waiting

        self.monitor._gather = slow  # type: ignore[assignment]
        client = Client(self.site)
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.drop()
        self.assertEqual(self.flushLoggedErrors(), [])


class MetricsTests(AdminTestCase):
    def test_told(self) -> None:
        """Prometheus reads the numbers, those of the cloud room among them."""
        self.note(3)
        self.done(self.cloud.inventory.images(MINE))
        response = self.ask("/metrics")
        self.assertTrue(response.headers["content-type"].startswith("text/plain"))
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(response.body.decode())
            for sample in family.samples
        }
        self.assertEqual(samples["ec2proxy_requests_total", "DescribeInstances", "", "here"], 3)
        self.assertEqual(samples["ec2proxy_pictures", "here"], 1)
        self.assertEqual(samples["ec2proxy_picture_bytes", "here"], self.cloud.inventory.memory)
        self.assertEqual(samples["ec2proxy_backend_calls_total", "", "images.list", "here"], 1)
        self.assertEqual(samples["ec2proxy_unfinished_work", "here"], 0)

    def test_without_library(self) -> None:
        """Without the extra it says how to get it."""
        self.addCleanup(sys.modules.__setitem__, "prometheus_client.core", sys.modules["prometheus_client.core"])
        sys.modules["prometheus_client.core"] = None  # type: ignore[assignment]
        response = self.ask("/metrics")
        self.assertEqual((response.status, response.body.decode()), (501, exporting.NEEDED + "\n"))


class HealthTests(AdminTestCase):
    def test_alive(self) -> None:
        """It is alive if it answers."""
        self.assertEqual(self.ask("/healthz").body, b"ok\n")

    def test_ready(self) -> None:
        """Everything answers."""
        response = self.ask("/readyz")
        self.assertEqual(response.status, 200)
        self.assertEqual(json.loads(response.body), {"ready": True, "checks": {"state": "ok"}})

    def test_not_ready(self) -> None:
        """503 says which does not, and why."""

        async def down() -> None:
            raise OSError("no route\nat all")

        self.checks["region eu"] = down
        response = self.ask("/readyz")
        self.assertEqual(response.status, 503)
        self.assertEqual(
            json.loads(response.body), {"ready": False, "checks": {"state": "ok", "region eu": "OSError: no route"}}
        )


class VisitorTests(AdminTestCase):
    hosts = ("ops.example",)

    def test_hosts(self) -> None:
        """By an address, localhost or a name that was allowed; another name may be somebody's who means no good."""
        for host in ("127.0.0.1:3002", "localhost", "[::1]:3002", "OPS.example:1", "10.0.0.7"):
            self.assertEqual(self.ask("/", host=host).status, 200, host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "x y", "[::1"):
            self.assertEqual(self.ask("/", host=host).status, 421, host)
        self.assertEqual(self.ask("/healthz", host="evil.example").status, 200)

    def test_without_host(self) -> None:
        """HTTP/1.0 has no Host; no browser speaks it."""
        client = Client(self.site)
        client.send(b"GET /console.css HTTP/1.0\r\n\r\n")
        self.assertEqual(client.response().status, 200)

    def test_cross_site(self) -> None:
        """Another site may link here, and not fetch from here."""
        for site, mode, status in (
            ("cross-site", "cors", 403),
            ("same-site", "no-cors", 403),
            ("cross-site", "navigate", 200),
            ("same-origin", "cors", 200),
            ("none", "navigate", 200),
        ):
            headers = (f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}")
            self.assertEqual(self.ask("/metrics", *headers).status, status, site)


class TokenTests(AdminTestCase):
    token = "open sesame"

    def test_token(self) -> None:
        """As a bearer's token for programs, as a password for browsers; by any name."""
        basic = base64.b64encode(b"me:open sesame").decode()
        for shown in ("Bearer open sesame", f"Basic {basic}", f"basic {basic}"):
            self.assertEqual(self.ask("/", f"Authorization: {shown}", host="ops.example").status, 200, shown)
        wrong = base64.b64encode(b"open sesame:").decode()
        for shown in ("Bearer", "Bearer x", "open sesame", f"Basic {wrong}", "Basic !", "Digest open sesame"):
            response = self.ask("/", f"Authorization: {shown}")
            self.assertEqual((response.status, "www-authenticate" in response.headers), (401, True), shown)
        self.assertEqual(self.ask("/metrics").status, 401)

    def test_probes(self) -> None:
        """Those who only ask for health need none."""
        self.assertEqual((self.ask("/healthz").status, self.ask("/readyz").status), (200, 200))


class EventTests(AdminTestCase):
    def setUp(self) -> None:
        super().setUp()
        verifyObject(IResource, self.site.resource)
        self.monitor.start()
        self.addCleanup(self.monitor.stop)

    def watch(self) -> Client:
        """Somebody who watches."""
        client = Client(self.site)
        client.send(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client

    def shown(self, client: Client) -> list[dict[str, str]]:
        """What was sent since the last time."""
        data = client.transport.value().decode()
        client.transport.clear()
        return [json.loads(line[6:].strip()) for line in data.splitlines() if line.startswith("data: ")]

    def test_live(self) -> None:
        """All at first, then what has changed, every other second."""
        client = self.watch()
        (first,) = self.shown(client)
        self.assertEqual(set(first), {"state", "figures", "regions", "instances", "changes", "work"})
        self.note(20)
        self.clock.advance(2)
        (second,) = self.shown(client)
        self.assertIn("figures", second)
        self.assertIn('<p class="value">10</p>', second["figures"])
        self.assertNotIn("changes", second)

    def test_slow(self) -> None:
        """For who does not read nothing piles up; afterwards all that has changed meanwhile is sent."""
        client = self.watch()
        self.shown(client)
        producer = client.transport.producer
        producer.pauseProducing()
        self.note(changes=True, action="StopInstances")
        self.clock.advance(2)
        self.clock.advance(2)
        self.assertEqual(self.shown(client), [])
        producer.resumeProducing()
        self.clock.advance(2)
        (late,) = self.shown(client)
        self.assertIn("StopInstances", late["changes"])

    def test_leaves(self) -> None:
        """Who has gone is forgotten."""
        client = self.watch()
        self.assertEqual(self.monitor.watched, 1)
        client.drop()
        self.assertEqual(self.monitor.watched, 0)
        self.clock.advance(2)

    def test_many(self) -> None:
        """Only so many may watch."""
        for _ in range(MOST_WATCHERS):
            self.watch()
        self.assertEqual(self.ask("/events").status, 503)

    def test_end(self) -> None:
        """When the daemon stops, the streams end."""
        client = self.watch()
        self.monitor.stop()
        self.assertTrue(client.transport.value().endswith(b"0\r\n\r\n"))

    def test_end_meanwhile(self) -> None:
        """Who has just come when it stops gets an end and nothing after it."""
        waiting: Deferred[None] = Deferred()

        async def slow() -> list[object]:
            await waiting
            return [await self.status.report()]

        self.monitor._gather = slow  # type: ignore[assignment]
        client = self.watch()
        self.monitor.stop()
        waiting.callback(None)
        self.assertTrue(client.transport.value().endswith(b"0\r\n\r\n"))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_trouble(self) -> None:
        """A worker's report that cannot be had is logged once, and does not end the console."""
        gather = self.monitor._gather

        async def broken() -> list[object]:
            raise RuntimeError("no")

        self.monitor._gather = broken  # type: ignore[assignment]
        self.clock.pump([2, 2])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.monitor._gather = gather
        client = self.watch()
        self.shown(client)
        self.clock.advance(2)
        self.assertEqual(len(self.shown(client)), 1)
