"""What one machine hears of the others, through a real PostgreSQL and the real reactor."""

from tempfile import TemporaryFile
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ec2proxy.errors import StateUnavailable
from ec2proxy.interfaces import IEpochs
from ec2proxy.state import notices
from ec2proxy.state.notices import AGAIN, BEAT, Notices, scope_of_ledger
from ec2proxy.state.opening import make_store
from ec2proxy.state.stamps import following
from tests.state.postgres import server


@implementer(IEpochs)
class Counted:
    """Epochs of one machine."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}

    def of(self, scope: str) -> int:
        return self.epochs.get(scope, 0)

    def of_all(self) -> int:
        return sum(self.epochs.values())

    def bump(self, scope: str) -> None:
        self.epochs[scope] = self.of(scope) + 1

    async def settled(self) -> None:
        pass


async def until(condition: Any) -> None:
    """Wait until something is so."""
    for _ in range(1000):
        if condition():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError("it never was")


class HeardTests(TestCase):
    """Two machines."""

    timeout = 30

    def setUp(self) -> None:
        url = server().database().render_as_string(hide_password=False)
        key = self.mktemp()
        self.stores: list[Any] = [make_store(url, reactor, key) for _ in range(2)]
        self.epochs: list[Any] = [store.epochs(Counted()) for store in self.stores]
        for store in self.stores:
            store.open()
            store.hold()
            self.addCleanup(lambda store=store: Deferred.fromCoroutine(store.close()))

    def heard(self, scope: str) -> tuple[int, int, int]:
        """What the second machine has heard of, of all, and of something else."""
        _, there = self.epochs
        return there.of(scope), there.of_all(), there.of("other")

    async def assert_heard(self, scope: str, before: tuple[int, int, int]) -> None:
        """The second machine hears that something was written, and of nothing else."""
        await until(lambda: self.heard(scope)[0] != before[0])
        _, of_all, other = self.heard(scope)
        self.assertGreater(of_all, before[1])
        self.assertEqual(other, before[2])

    async def test_inventory(self) -> None:
        """That a write to the backend has ended is heard elsewhere, once it is settled; here it counts once."""
        here, there = self.epochs
        verifyObject(IEpochs, here)
        scope = "here/me\ud800 é/instances"
        before, own = self.heard(scope), here.of(scope)
        here.bump(scope)
        here.bump(scope)
        self.assertEqual(here.of(scope), own + 2)
        await here.settled()
        await self.assert_heard(scope, before)
        there.bump("other")
        await there.settled()
        await until(lambda: here.of("other") != 0)
        self.assertEqual(here.of(scope), own + 2)

    async def test_ledger(self) -> None:
        """A change of what is remembered is heard with its transaction; a refused one is not."""
        _, there = self.epochs
        store, _ = self.stores
        scope = scope_of_ledger("here/me")
        before = there.of(scope)
        self.assertFalse(await store.change("here/me", following(""), following(""), {("k", "a"): {}}))
        await store.change("other", "", following(""), {})
        await until(lambda: there.of(scope_of_ledger("other")) != before)
        self.assertEqual(there.of(scope), before)
        self.assertTrue(await store.change("here/me", "", following(""), {("k", "a"): {}}))
        await until(lambda: there.of(scope) != before)

    async def test_deaf(self) -> None:
        """While nothing is heard everything counts as changed; when it is heard again, it has changed once more."""
        here, there = self.epochs
        scope = "here/me/instances"
        before = there.of(scope)
        with capturedLogs() as logs:
            session = self.stores[1]._held.session
            server().execute(f"SELECT pg_terminate_backend({session.info.backend_pid})")
            await until(lambda: any("heard again" in each["log_format"] for each in logs))
        self.assertGreater(there.of(scope), before)
        self.assertEqual(there.of(scope), there.of(scope))
        self.assertTrue(any("cannot be heard" in each["log_format"] for each in logs))
        self.assertTrue(await self.stores[0].lives(self.stores[1].owner))
        before = self.heard(scope)
        here.bump(scope)
        await self.assert_heard(scope, before)

    async def test_restarted(self) -> None:
        """A server that is away for a while."""
        here, there = self.epochs
        scope = "here/me/instances"
        with server().stopped():
            await until(lambda: there.of(scope) != there.of(scope) and here.of(scope) != here.of(scope))
            here.bump(scope)
            await here.settled()
        await until(lambda: there.of(scope) == there.of(scope))
        before = self.heard(scope)
        here.bump(scope)
        await here.settled()
        await self.assert_heard(scope, before)


class Session:
    """psycopg's connection, as far as it is listened on; the server is this test."""

    nonblocking = 0

    def __init__(self, socket: int) -> None:
        self.socket = socket
        self.pgconn = self
        self.asked: list[bytes] = []
        self.results = 0
        self.broken = False

    def consume_input(self) -> None:
        if self.broken:
            raise OSError("server closed the connection\nunexpectedly")

    def is_busy(self) -> int:
        return 0

    def get_result(self) -> object:
        self.results -= 1
        return object() if self.results >= 0 else None

    def notifies(self) -> None:
        return None

    def send_query(self, query: bytes) -> None:
        if self.broken:
            raise OSError("no connection")
        self.asked.append(query)

    def flush(self) -> int:
        return 0


class Reactor(Clock):
    """A clock that watches sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:  # noqa: N802
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:  # noqa: N802
        self.readers.remove(reader)


class BeatTests(SynchronousTestCase):
    """A connection that says nothing."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.connecting: list[Deferred[Any]] = []
        self.told: list[Any] = []
        self.telling: Any = lambda: succeed(None)
        self.notices = Notices(Counted(), self.connect, self.tell, self.reactor, "me")
        self.file = TemporaryFile()  # noqa: SIM115  # closed below
        self.addCleanup(self.file.close)
        self.session = self.opened()
        self.notices.begin(self.session)

    def opened(self) -> Session:
        return Session(self.file.fileno())

    def connect(self) -> "Deferred[Any]":
        self.connecting.append(Deferred())
        return self.connecting[-1]

    def tell(self, notices: Any) -> "Deferred[None]":
        self.told.append(list(notices))
        result: Deferred[None] = self.telling()
        return result

    def assert_deaf(self, expected: bool) -> None:
        self.assertIs(self.notices.of("s") != self.notices.of("s"), expected)

    def test_answered(self) -> None:
        """A server that answers is believed."""
        for count in range(1, 4):
            self.reactor.advance(BEAT)
            self.assertEqual(self.session.asked, [b"SELECT 1"] * count)
            self.session.results = 1
            self.reactor.readers[0].doRead()
        self.assert_deaf(False)

    def test_silent(self) -> None:
        """One that does not is not, and another connection is tried until there is one."""
        self.reactor.advance(BEAT)
        self.assert_deaf(False)
        self.reactor.advance(BEAT)
        self.assert_deaf(True)
        self.assertEqual(self.reactor.readers, [])
        self.connecting[0].errback(OSError("down"))
        self.reactor.advance(AGAIN)
        self.connecting[1].callback(self.opened())
        self.assert_deaf(False)
        self.assertEqual(len(self.reactor.readers), 1)

    def test_broken(self) -> None:
        """One that is lost is noticed when it is read, written to or given up by the reactor, once."""
        self.session.broken = True
        self.reactor.advance(BEAT)
        self.assert_deaf(True)
        self.session.broken = False
        for lose in ("doRead", "connectionLost"):
            session = self.opened()
            self.connecting[-1].callback(session)
            (reader,) = self.reactor.readers
            session.broken = True
            reader.doRead() if lose == "doRead" else reader.connectionLost(notices.Failure(OSError("lost")))
            reader.doRead()
            reader.connectionLost(notices.Failure(OSError("again")))
            self.assert_deaf(True)
        self.assertEqual(len(self.connecting), 3)
        self.assertIn("PostgreSQL", reader.logPrefix())

    def test_stopped(self) -> None:
        """Nothing goes on afterwards."""
        self.notices.stop()
        self.reactor.advance(2 * BEAT)
        self.assertEqual((self.reactor.readers, self.connecting, self.reactor.getDelayedCalls()), ([], [], []))
        self.notices.bump("s")
        self.assertEqual(self.told, [])

    def test_stopped_while_deaf(self) -> None:
        """Nor is a connection used that comes too late."""
        self.reactor.advance(BEAT)
        self.reactor.advance(BEAT)
        self.notices.stop()
        self.connecting[0].callback(self.opened())
        self.assertEqual(self.reactor.readers, [])

    def test_untold(self) -> None:
        """What could not be told is told later, and nobody waits for that."""
        answers: list[Deferred[None]] = []

        def later() -> "Deferred[None]":
            answers.append(Deferred())
            return answers[-1]

        self.telling = later
        self.notices.bump("a")
        self.notices.bump("b")
        self.notices.bump("b")
        settled = Deferred.fromCoroutine(self.notices.settled())
        answers[0].callback(None)
        self.assertNoResult(settled)
        self.telling = lambda: fail(StateUnavailable())
        answers[1].errback(StateUnavailable())
        self.successResultOf(settled)
        self.reactor.advance(AGAIN)
        self.telling = lambda: succeed(None)
        self.reactor.advance(AGAIN)
        self.assertEqual(self.told, [["me a"], ["me b"], ["me b"], ["me b"]])
        self.successResultOf(Deferred.fromCoroutine(self.notices.settled()))
        # A ledger's change has been told with itself.
        self.notices.bump("here/me/ledger")
        self.assertEqual(len(self.told), 4)
