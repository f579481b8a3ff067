"""The first of several processes, on a reactor that only remembers."""

import os
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.tcp import Port
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ec2proxy.composition.master import Master
from ec2proxy.daemon import CannotStart
from tests.listening.test_acceptor import Reactor


@implementer(IStreamServerEndpoint)
@define
class Real:
    """An endpoint on a real socket."""

    reactor: Reactor
    ports: list[Port] = field(factory=list)

    def listen(self, protocolFactory: object) -> Deferred[Port]:  # noqa: N803  # Twisted's name
        """Listen."""
        port = Port(0, protocolFactory, interface="127.0.0.1", reactor=self.reactor)  # type: ignore[arg-type]
        port.startListening()
        self.ports.append(port)
        return succeed(port)


@implementer(IStreamServerEndpoint)
class Strange:
    """An endpoint on no socket of the system's."""

    def listen(self, protocolFactory: object) -> Deferred[object]:  # noqa: N803  # Twisted's name
        """Listen, somehow."""
        return succeed(object())


@define
class Workers:
    """A crew that notes what is asked of it."""

    steps: list[str]
    sockets: Sequence[int] = ()
    ready: Deferred[None] = field(factory=Deferred)
    stopped: Deferred[None] = field(factory=Deferred)

    def start(self) -> None:
        """Note it."""
        assert all(map(os.fstat, self.sockets))
        self.steps.append("start")

    def serve(self) -> None:
        """Note it."""
        self.steps.append("serve")

    def stop(self) -> Deferred[None]:
        """Note it."""
        self.steps.append("stop")
        return self.stopped


class MasterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.steps: list[str] = []
        self.workers = Workers(self.steps)
        self.reactor = Reactor()
        self.endpoint = Real(self.reactor)
        self.error: SystemExit | None = None

    def master(self, *endpoints: IStreamServerEndpoint) -> Master:
        """One that notes when it begins and has closed."""

        def crew(sockets: Sequence[int]) -> Workers:
            self.workers.sockets = sockets
            return self.workers

        def begin() -> None:
            self.steps.append("begin")
            if self.error is not None:
                raise self.error

        async def close() -> None:
            self.steps.append("close")

        return Master([("somewhere", endpoint) for endpoint in endpoints], crew, begin, close)  # type: ignore[arg-type]

    def test_begins(self) -> None:
        """The sockets are open before privileges are shed, and read by nobody here; workers load meanwhile."""
        master = self.master(self.endpoint, self.endpoint)
        master.privilegedStartService()
        self.assertEqual((len(self.endpoint.ports), self.reactor.reading, self.steps), (2, [], []))
        with capturedLogs() as logged:
            master.startService()
            self.assertEqual(self.steps, ["start", "begin", "serve"])
            self.assertEqual([event for event in logged if "where" in event], [])
            self.workers.ready.callback(None)
        self.assertEqual(
            [event["where"].port for event in logged], [port.getHost().port for port in self.endpoint.ports]
        )
        self.assertEqual(self.workers.sockets, [port.fileno() for port in self.endpoint.ports])

    def test_cannot_begin(self) -> None:
        """Without its state it has nobody serve."""
        self.error = CannotStart("no state")
        self.assertRaises(CannotStart, self.master(self.endpoint).startService)
        self.assertEqual(self.steps, ["start", "begin"])

    def test_cannot_be_shared(self) -> None:
        """What workers cannot share is refused before anything is started."""
        refusal = self.assertRaises(CannotStart, self.master(Strange()).startService)
        self.assertIn("workers cannot share", str(refusal.code))
        self.assertEqual(self.steps, [])

    def test_ends(self) -> None:
        """It closes the sockets first, then has workers end, and lets go of the state when they have."""
        master = self.master(self.endpoint)
        master.startService()
        stopped = master.stopService()
        self.assertEqual(self.steps[3:], [])
        self.reactor.advance(0)
        self.assertFalse(self.endpoint.ports[0].connected)
        self.assertEqual(self.steps[3:], ["stop"])
        self.assertNoResult(stopped)
        self.workers.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.steps[3:], ["stop", "close"])

    def test_ends_before_it_began(self) -> None:
        """If it never began, there are no workers."""
        master = self.master(self.endpoint)
        self.successResultOf(master.stopService())
        self.assertEqual(self.steps, ["close"])
