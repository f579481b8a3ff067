"""Settings that limit what a region holds and asks."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.composition.regional import make_region, most_calls
from ec2proxy.configuration.regions import Region
from ec2proxy.configuration.settings import Settings
from ec2proxy.model import Credentials
from ec2proxy.observing.nobody import NOBODY
from ec2proxy.state.memory import MemoryStateStore
from tests.drivers.test_connections import Connection, Reactor, response


class LimitTests(SynchronousTestCase):
    def make(self, **settings):
        """A region with these settings."""
        self.reactor: MemoryReactorClock = Reactor()
        region = Region("r", Settings(backend="http://127.0.0.1:3001/api", **settings))
        return make_region(region, MemoryStateStore(), self.reactor, None, NOBODY)

    def realms(self, running, user):
        """Ask for the realms."""
        return Deferred.fromCoroutine(running.cloud.inventory.realms(Credentials(user, "p")))

    def answered(self, running, user):
        """Ask for the realms, and have the backend answer."""
        read = self.realms(running, user)
        Connection(self.reactor.tcpClients.pop()[2]).send(response(more=b"Connection: close\r\n"))
        return self.successResultOf(read)

    def test_backend_calls(self):
        running = self.make(backend_calls=2)
        reads = [self.realms(running, f"user{number}") for number in range(5)]
        self.assertEqual(2, len(self.reactor.tcpClients))
        for read in reads:
            read.cancel()
            self.failureResultOf(read, CancelledError)

    def test_descriptors(self):
        """Each call of a backend takes one, at /api too; each of an embedded cloud two."""
        made = [
            Region("a", Settings(backend="http://127.0.0.1:3001/api", backend_calls=10)),
            Region("b", Settings(backend="http://127.0.0.1:3002/api", backend_calls=1)),
            Region("c", Settings(backend="mock", backend_calls=4)),
        ]
        self.assertEqual([15, 2, 12], [most_calls([region]) for region in made])
        self.assertEqual(29, most_calls(made))

    def test_memory(self):
        """Both what is shown and what is known again."""
        for memory, kept in ((1 << 20, 3), (1, 1)):
            running = self.make(memory=memory)
            first = [self.answered(running, user) for user in ("a", "b", "c")]
            held = dict(running.cloud.inventory.held("realms"))
            self.assertEqual(kept, len(held))
            self.reactor.advance(5)
            again = self.answered(running, "c")
            self.assertEqual(memory > 1, first[2].items is again.items)
