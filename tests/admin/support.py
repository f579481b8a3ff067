"""The admin endpoint before a real cloud room and a mock cloud, without a network."""

from typing import Any

from twisted.internet.defer import Deferred

from ec2proxy.admin.health import Health
from ec2proxy.admin.monitor import Monitor
from ec2proxy.admin.resources import tree
from ec2proxy.admin.site import AdminSite
from ec2proxy.admin.status import Status
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.observing import families
from ec2proxy.observing.audit import Audit
from ec2proxy.observing.counts import Counts
from tests.cloud.support import CloudTestCase
from tests.observing.support import record
from tests.web.wires import Client, Response


class AdminTestCase(CloudTestCase):
    """A test with an admin endpoint."""

    token = ""
    hosts: tuple[str, ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.audit = Audit()
        self.counts = Counts({"here"}, self.clock.seconds, self.audit.note)
        self.counts.watch(families.LAG, lambda: [((), 0.0012)])
        self.counts.watch(families.CONNECTIONS, lambda: [((), 7)])
        self.cloud = Cloud.of("here", self.driver, self.store, self.clock, self.entropy, 1.0, observer=self.counts)
        self.addCleanup(lambda: self.done(self.cloud.lifecycle.stop()))
        self.status = Status(self.counts, self.audit, lambda: [(self.cloud, "http://cloud")], self.clock.seconds())
        self.checks: dict[str, Any] = {"state": self.fine}
        self.health = Health(self.clock, lambda: self.checks)
        self.monitor = Monitor(self.clock, self.gather)
        pages = tree(self.monitor, self.health, self.clock.seconds)
        self.site = AdminSite(pages, self.clock, self.token, self.hosts)

    async def gather(self) -> list[Any]:
        """The reports of all processes: of this one."""
        return [await self.status.report()]

    async def fine(self) -> None:
        """A check with nothing to complain of."""

    def note(self, number: int = 1, **about: Any) -> None:
        """Have some requests counted."""
        for _ in range(number):
            self.counts.answered(record(cloud="here", **about))

    def ask(self, path: str, *headers: str, method: str = "GET", host: str = "localhost:3002") -> Response:
        """The answer to a request."""
        client = self.client = Client(self.site)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
        client.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
        return client.response(method)

    def page(self) -> str:
        """The console."""
        response = self.ask("/")
        self.assertEqual(response.status, 200)
        return response.body.decode()

    def result(self, coroutine: Any) -> Any:
        """What a coroutine gives at once."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))
