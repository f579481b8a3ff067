"""``twistd deltacloud-mock``: its command line and service."""

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from ec2proxy.mockcloud.tap import Options, makeService


def parsed(*arguments: str) -> Options:
    """The options of a command line."""
    options = Options()
    options.parseOptions(list(arguments))
    return options


class PoolReactor(MemoryReactorClock):
    """A reactor in memory whose thread pool is the caller's thread."""

    def getThreadPool(self):  # noqa: N802
        return self

    def callInThreadWithCallback(self, when_done, function, *args):  # noqa: N802
        when_done(True, function(*args))

    def callFromThread(self, function, *args):  # noqa: N802
        function(*args)


class OptionsTests(SynchronousTestCase):
    """The command line."""

    def test_default(self):
        """Without options it listens to this machine alone."""
        self.assertEqual(parsed()["listen"], ["tcp:3002:interface=127.0.0.1"])

    def test_port_and_endpoints(self):
        """A port and any number of endpoints."""
        options = parsed("--port=3003", "--listen=unix:mock.sock", "--listen=tcp:3004")
        self.assertEqual(options["listen"], ["tcp:3003:interface=127.0.0.1", "unix:mock.sock", "tcp:3004"])

    def test_wrong(self):
        """A wrong option is one line that names it."""
        for argument, part in (
            ("--port=http", "--port"),
            ("--port=65536", "--port"),
            ("--listen=nonsense", "--listen"),
            ("--listen=tcp:http", "--listen"),
            ("--listen=tcp", "--listen"),
            ("--machine=vax", "--machine"),
            ("--launch-time=never", "--launch-time"),
            ("--feature=speed", "--feature"),
            ("--pending=-1", "number of seconds"),
            ("--stopping=soon", "soon"),
            ("--stopping=nan", "number of seconds"),
            ("--instances=-1", "--instances"),
            ("--instances=many", "many"),
            ("--nosuch", "nosuch"),
        ):
            with self.assertRaises(SystemExit) as raised:
                parsed(argument)
            self.assertIn(part, str(raised.exception))
            self.assertTrue(str(raised.exception).startswith("deltacloud-mock: "))
            self.assertNotIn("\n", str(raised.exception))


class ServiceTests(SynchronousTestCase):
    """The service."""

    def api(self, reactor: MemoryReactorClock):
        """The API resource behind the only port."""
        ((_, site, *_),) = reactor.tcpServers
        self.assertIsInstance(site, Site)
        return site.resource.children[b"api"]

    def test_listens(self):
        """A running service listens where it was told to."""
        reactor = PoolReactor()
        service = makeService(parsed("--port=3003"), reactor)
        service.privilegedStartService()
        ((port, _, _, interface),) = reactor.tcpServers
        self.assertEqual((port, interface), (3003, "127.0.0.1"))

    def test_options_arrive(self):
        """Every option makes its difference to the cloud."""
        reactor = PoolReactor()
        service = makeService(
            parsed(
                "--machine=ec2",
                "--pending=3",
                "--stopping=4",
                "--launch-time=epoch",
                "--feature=user_data",
                "--feature=import_key",
                "--instances=7",
            ),
            reactor,
        )
        service.privilegedStartService()
        cloud = self.api(reactor).cloud
        self.assertEqual((cloud.machine.name, cloud.pending, cloud.stopping), ("ec2", 3.0, 4.0))
        self.assertTrue(cloud.features.has("user_data") and cloud.features.has("import_key"))
        self.assertEqual(len(cloud.instances), 11)
        reactor.advance(5)
        (created,) = cloud.create_instances("mockuser", {"image_id": "img1"})
        self.assertEqual(cloud.launch_text(created), "5")

    def test_keys_are_made_in_a_thread(self):
        """Making a key does not hold up the reactor."""
        reactor = PoolReactor()
        makeService(parsed(), reactor).privilegedStartService()
        threads = []
        self.patch(reactor, "getThreadPool", lambda: threads.append(1) or reactor)
        cloud = self.api(reactor).cloud
        self.successResultOf(Deferred.fromCoroutine(cloud.create_key("mockuser", {"name": "a"})))
        self.assertEqual(threads, [1])
