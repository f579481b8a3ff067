"""What one daemon survives of its clients. They share it, since what they leave behind is looked at in the end."""

import contextlib
import random
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.backends import BASIC, BackendTestCase, Troubled
from tests.e2e.daemons import Daemon, until
from tests.e2e.processes import descriptors, resident

_MEGABYTE = 1024 * 1024

_ASK = f"GET /ec2?Action=DescribeAvailabilityZones HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\r\n"

# A reset instead of an orderly end.
_AT_ONCE = struct.pack("ii", 1, 0)

_TOKENS = st.sampled_from(
    [
        *(
            b"GET ",
            b"POST ",
            b"PUT ",
            b"\x16\x03\x01",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b" /ec2",
            b"?Action=",
            b"/api",
        ),
        *(b"DescribeInstances", b"%", b"%zz", b"&", b"=", b"Filter.1.Name", b"InstanceId.99999999999", b"../", b"//"),
        *(
            b" HTTP/1.1",
            b" HTTP/1.0",
            b" HTTP/9.9",
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\n\r\n",
            b":",
            b" ",
            b"\t",
            b"\0",
            b"\xff",
        ),
        *(b"Host: h\r\n", b"Host: h\r\nHost: i\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n"),
        *(b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"),
        *(
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"x" * 70_000,
        ),
        *(
            b"Authorization: Basic !!!\r\n",
            b"Authorization: AWS4-HMAC-SHA256 Credential=\r\n",
            b"Connection: close\r\n",
        ),
        *(b"GET /ec2?Action=DescribeRegions HTTP/1.1\r\nHost: h\r\n\r\n", b"<xml>", b'{"json": 1}'),
    ]
)
#: What is no request, or hardly one.
MALFORMED = st.lists(st.one_of(_TOKENS, st.binary(max_size=20)), min_size=1, max_size=12).map(b"".join).filter(bool)

#: How many such are made at a time, how many further ones are made of each, and how often: 10,000 in all.
AT_A_TIME, FURTHER, TIMES = 10, 9, 100


def further(requests: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Parts of requests, put together anew: quicker to make than to draw."""
    chance = random.Random(seed)
    for _ in range(len(requests) * FURTHER):
        one, other = chance.choices(requests, k=2)
        yield one[: chance.randint(1, len(one))] + other[chance.randrange(len(other)) :]


class BadClientTests(BackendTestCase):
    """A daemon, its backend, and clients who behave badly."""

    def setUp(self) -> None:
        self.backend = Troubled()
        self.addCleanup(self.backend.stop)
        self.daemon: Daemon = self.daemon_for(self.backend.base, "--freshness=0", "--state=memory:")
        self.assert_answers()

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.daemon.port), 10)

    def assert_answers(self) -> None:
        """Somebody who behaves well is answered, soon."""
        began = time.monotonic()
        with self.connect() as connection:
            connection.sendall(_ASK.encode())
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
        self.assertLess(time.monotonic() - began, 2)

    def assert_let_go(self, before: int) -> None:
        """As many files are open as before, or nearly."""
        until(lambda: descriptors(self.daemon.pid) <= before + 5, "the connections are let go of")

    def test_thousand_leave(self) -> None:
        """1,000 clients leave, by a reset: some before their request is whole, some while the backend is asked."""
        before = descriptors(self.daemon.pid)
        self.backend.make("hold", path="/api/realms")
        for _ in range(5):
            crowd = [self.connect() for _ in range(200)]
            for number, connection in enumerate(crowd):
                connection.sendall(_ASK[: None if number % 2 else 60].encode())
            until(lambda: self.backend.count("held") > 0, "the backend is asked")
            self.assertGreater(descriptors(self.daemon.pid), before + 190)
            for connection in crowd:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                connection.close()
            until(lambda: self.backend.count("held") == 0, "the backend's call is given up")
        self.backend.make("release")
        self.assert_let_go(before)
        self.assert_answers()

    def test_slow(self) -> None:
        """Hundreds who send a byte now and then keep nobody else waiting, and each is cut off in the end."""
        self.daemon = self.daemon_for(self.backend.base, "--idle=1.5", "--freshness=0", "--state=memory:")
        before = descriptors(self.daemon.pid)
        with contextlib.ExitStack() as stack:
            crowd = [stack.enter_context(self.connect()) for _ in range(500)]
            for part in range(10):
                for connection in crowd:
                    connection.sendall(_ASK[part : part + 1].encode())
                self.assert_answers()
            until(lambda: self.cut_off(crowd), "all are cut off", 15)
        self.assert_let_go(before)

    def cut_off(self, crowd: list[socket.socket]) -> bool:
        """Send a byte more to each, of a head that never ends; tell whether none is heard any more."""
        heard = False
        for connection in crowd:
            try:
                connection.sendall(b"x")
                heard = True
            except ConnectionError:
                pass
        return not heard

    def test_malformed(self) -> None:
        """10,000 requests of a fuzzer's: each is answered or its connection closed, and nothing is left behind."""
        sizes: list[int] = []
        before = descriptors(self.daemon.pid)

        @settings(
            max_examples=TIMES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(MALFORMED, min_size=AT_A_TIME, max_size=AT_A_TIME), st.integers(0, 2**32))
        def send_all(requests: list[bytes], seed: int) -> None:
            self.send([*requests, *further(requests, seed)])
            sizes.append(resident(self.daemon.pid))

        send_all()
        self.assertEqual(len(sizes), TIMES)
        self.assert_let_go(before)
        self.assert_answers()
        # The first thousands fill caches and the allocator's pools.
        self.assertLess(sizes[-1] - sizes[len(sizes) // 2], 4 * _MEGABYTE, sizes)

    def send(self, requests: Iterable[bytes]) -> None:
        """Send each over a connection of its own, and hear what is said until it is closed."""
        connections = []
        for request in requests:
            connection = self.connect()
            connections.append(connection)
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
        for connection in connections:
            with connection, contextlib.suppress(ConnectionError):
                first = connection.recv(65536)
                self.assertTrue(first == b"" or first.startswith(b"HTTP/1.1 "), first)
                while connection.recv(65536):
                    pass
