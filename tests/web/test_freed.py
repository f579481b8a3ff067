"""A connection that has ended is freed at once, and is no work for the garbage collector."""

import gc
import weakref

from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.site import EC2Site
from tests.web.wires import Client, LogWatchingTestCase, Service

ASK = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nAction=%s"


class FreedTests(LogWatchingTestCase):
    def test_channel(self) -> None:
        """Whatever came over it."""
        site = EC2Site(EC2Resource(Service(), self.access), self.clock, self.access)
        gc.disable()
        self.addCleanup(gc.enable)
        for data in (b"", ASK % b"ab" * 2, ASK % b"\n ", ASK[:20], b"nonsense\r\n\r\n"):
            client = Client(site)
            client.send(data)
            freed = weakref.ref(client.protocol)
            client.drop()
            # So does a real transport.
            client.transport.producer = None
            del client
            self.assertIsNone(freed(), data)
