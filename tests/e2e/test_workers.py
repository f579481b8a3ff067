"""Several workers, as a real daemon: what one has answered all know, and none of them is needed for long."""

import http.client
import os
import re
import signal
import ssl
import subprocess
import time
from base64 import b64encode
from pathlib import Path
from socket import AF_UNIX, create_connection, socket
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.cases import PASSWORD, USER
from tests.e2e.daemons import LISTENS, ORDERLY, TWISTD, Daemon, Process, start, until
from tests.e2e.processes import lives

BASIC = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

#: How many writes are answered, and then looked for on a connection of its own.
WRITES = 200

_REPLACED = re.compile(r"Worker (\d) \(process (\d+)\) has ended after \S+ s, (.*); it is replaced")


def form(action: str, **parameters: str) -> bytes:
    """The body of a request."""
    return urlencode({"Action": action, "Version": "2016-11-15", **parameters}).encode()


def ask(daemon: Daemon, action: str, **parameters: str) -> tuple[int, str]:
    """Send one request, on a connection of its own; give the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    try:
        connection.request("POST", "/ec2", form(action, **parameters), {"Authorization": BASIC})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def create_past_us(daemon: Daemon) -> str:
    """Create an instance at the Deltacloud API that is passed through; give its id."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    try:
        headers = {"Authorization": BASIC, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/api/instances", "image_id=img1", headers)
        response = connection.getresponse()
        response.read()
        return response.headers["Location"].rpartition("/")[2]
    finally:
        connection.close()


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def taken_in(pid: int) -> int:
    """How many bytes a process has read."""
    return int(re.findall(r"rchar: (\d+)", Path(f"/proc/{pid}/io").read_text())[0])


def descriptors(pid: int) -> int:
    """How many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_of(pid: int) -> Path:
    """The directory where a daemon keeps its state that is to be in memory."""
    opened = {os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    (found,) = {Path(*Path(path).parts[:4]) for path in opened if path.startswith("/dev/shm/ec2proxy-")}
    return found


def refused(daemon: Daemon) -> bool:
    """Whether nobody listens any more."""
    try:
        create_connection(("127.0.0.1", daemon.port)).close()
    except ConnectionRefusedError:
        return True
    return False


class Half:
    """A request of which a part has been sent."""

    def __init__(self, daemon: Daemon, action: str = "DescribeRegions") -> None:
        body = form(action)
        head = f"POST /ec2 HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._rest = body[10:]
        self._socket = create_connection(("127.0.0.1", daemon.port), 20)
        self._socket.sendall(head.encode() + body[:10])

    def finish(self) -> tuple[int, bool, bytes]:
        """Send the rest; give the status, whether the connection ends, and what there is."""
        with self._socket:
            self._socket.sendall(self._rest)
            response = http.client.HTTPResponse(self._socket)
            response.begin()
            return response.status, response.will_close, response.read()


class WorkersTestCase(SynchronousTestCase):
    def start(self, *options: str) -> Daemon:
        """A daemon with two workers, which is stopped when the test is over, if it is there still."""
        daemon = start("--workers=2", *options)
        self.addCleanup(daemon.stop)
        return daemon

    def pid(self, daemon: Process) -> int:
        """The first process."""
        return daemon._process.pid

    def workers(self, daemon: Process) -> list[int]:
        """Both workers, once they are there."""
        pid = self.pid(daemon)
        until(lambda: len(children(pid)) == 2, "two workers")
        return children(pid)


class TogetherTests(WorkersTestCase):
    """A daemon that goes on while workers come and go."""

    def write_and_read(self, daemon: Daemon, number: int) -> None:
        """Write something, in the state, in the cloud or past us, and look for it; whichever worker has that to do."""
        if number % 4 == 2:
            created = create_past_us(daemon)
            status, body = ask(daemon, "DescribeInstances")
            self.assertIn(f"<instanceId>{created}</instanceId>", body)
        elif number % 4:
            status, body = ask(
                daemon, "CreateTags", **{"ResourceId.1": "inst1", "Tag.1.Key": "n", "Tag.1.Value": f"v{number}"}
            )
            self.assertEqual(status, 200, body)
            status, body = ask(daemon, "DescribeInstances", **{"InstanceId.1": "inst1"})
            self.assertIn(f"<value>v{number}</value>", body)
        else:
            status, body = ask(daemon, "CreateKeyPair", KeyName=f"k{number}")
            self.assertEqual(status, 200, body)
            status, body = ask(daemon, "DescribeKeyPairs")
            self.assertIn(f"<keyName>k{number}</keyName>", body)

    def test_shared_out(self) -> None:
        """Clients that stay are spread over both, also those that come after some of one's have gone."""
        daemon = self.start()
        self.assertEqual(ask(daemon, "DescribeRegions")[0], 200)
        workers = self.workers(daemon)
        # A few are not of clients.
        before = {pid: descriptors(pid) for pid in workers}

        def more(pid: int) -> int:
            return descriptors(pid) - before[pid]

        for _ in range(3):
            clients = [create_connection(("127.0.0.1", daemon.port), 20) for _ in range(60)]
            until(lambda: sum(map(more, workers)) >= 55, "all connections")
            self.assertGreaterEqual(min(map(more, workers)), 20)
            for client in clients:
                client.close()
            until(lambda: sum(map(more, workers)) <= 5, "nobody")

    def test_one_picture(self) -> None:
        """What one worker has answered, the other knows, and goes on to when a worker is killed and replaced.

        Told to stop, all of them stop listening, answer what has begun, and end; the memory that they had goes.
        """
        daemon = self.start()
        first = self.workers(daemon)
        memory = memory_of(self.pid(daemon))
        before = {pid: taken_in(pid) for pid in first}
        for number in range(WRITES // 2):
            self.write_and_read(daemon, number)
        # Both had a share.
        self.assertGreater(min(taken_in(pid) - before[pid] for pid in first), 10_000)
        os.kill(first[0], signal.SIGKILL)
        for number in range(WRITES // 2, WRITES):
            self.write_and_read(daemon, number)
        replaced = until(lambda: _REPLACED.search(daemon.log), "the log tells")
        assert isinstance(replaced, re.Match)
        self.assertEqual((int(replaced[2]), replaced[3]), (first[0], "by SIGKILL"))
        (fresh,) = set(self.workers(daemon)) - set(first)
        read = taken_in(fresh)
        number = WRITES
        while taken_in(fresh) - read < 10_000:
            number += 1
            self.write_and_read(daemon, number)
        workers, half = self.workers(daemon), Half(daemon)
        time.sleep(0.2)  # until it has been taken
        daemon.tell_to_stop()
        until(lambda: refused(daemon), "nobody listens")
        self.assertEqual(half.finish()[:2], (200, True))
        self.assertEqual(daemon.exit_code(), ORDERLY)
        self.assertFalse(any(map(lives, workers)) or memory.exists())
        self.assertEqual(len(_REPLACED.findall(daemon.log)), 1)
        self.assertNotIn("Traceback", daemon.log)

    def test_ends(self) -> None:
        """However a process ends that can help it, requests that have begun are answered, and nothing is left."""
        daemon = self.start()
        memory = memory_of(self.pid(daemon))
        with self.subTest("a worker is told to"):
            first = self.workers(daemon)
            halves = [Half(daemon) for _ in range(4)]
            time.sleep(0.2)  # until they have been taken
            for pid in first:
                os.kill(pid, signal.SIGTERM)
            self.assertEqual([half.finish()[:2] for half in halves], [(200, True)] * 4)
            until(lambda: not set(first) & set(children(self.pid(daemon))), "they end")
            self.assertEqual(ask(daemon, "DescribeRegions")[0], 200)
        with self.subTest("the first process is killed"):
            second = self.workers(daemon)
            # The embedded cloud goes with it, so this must need none to be answered.
            half = Half(daemon, "NoSuchAction")
            time.sleep(0.2)
            daemon.kill()
            status, _, body = half.finish()
            self.assertEqual((status, b"<Code>InvalidAction</Code>" in body), (400, True), body)
            until(lambda: not any(map(lives, second)), "the workers end")
            self.assertTrue(refused(daemon))
            self.assertFalse(memory.exists())
        self.assertEqual([way for *_, way in _REPLACED.findall(daemon.log)], ["with exit code 0"] * 2)
        self.assertNotIn("Traceback", daemon.log)


class DoorsTests(WorkersTestCase):
    """Where workers can listen."""

    def test_everywhere(self) -> None:
        """TLS and Unix sockets are as they are with one process; a Unix socket's name goes at the end, not before."""
        directory = Path(self.mktemp())
        directory.mkdir()
        pem, path = directory / "both.pem", directory / "s"
        arguments = [
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=localhost",
        ]
        subprocess.run(
            ["openssl", "req", *arguments, "-keyout", pem, "-out", directory / "c.pem"], check=True, capture_output=True
        )
        pem.write_bytes(pem.read_bytes() + (directory / "c.pem").read_bytes())
        name = os.path.relpath(path)
        tls = f"ssl:0:privateKey={pem.resolve()}:certKey={pem.resolve()}:interface=127.0.0.1"
        daemon = Daemon(
            [
                *(TWISTD, "-n", "--pidfile=", "ec2proxy", "--workers=2", "--listen=tcp:0:interface=127.0.0.1"),
                *(f"--listen={tls}", f"--listen=unix:{name}:mode=660"),
            ],
            LISTENS,
            os.getcwd(),
        )
        self.addCleanup(daemon.stop)
        ports = [int(port) for port in LISTENS.findall(daemon.log) if port]
        request = f"GET /ec2?{form('DescribeRegions').decode()} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\n"

        def asked(connection: socket) -> bytes:
            connection.sendall(f"{request}Connection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))

        context = ssl.create_default_context(cafile=str(directory / "c.pem"))
        for worker in (None, *self.workers(daemon)):
            if worker is not None:
                # The other one answers, then: each can.
                os.kill(worker, signal.SIGSTOP)
            with create_connection(("127.0.0.1", ports[0]), 20) as connection:
                self.assertIn(b"200 OK", asked(connection))
            with context.wrap_socket(
                create_connection(("127.0.0.1", ports[1]), 20), server_hostname="localhost"
            ) as over:
                self.assertIn(b"200 OK", asked(over))
            with socket(AF_UNIX) as local:
                local.connect(name)
                self.assertIn(b"200 OK", asked(local))
            if worker is not None:
                os.kill(worker, signal.SIGCONT)
        os.kill(self.workers(daemon)[0], signal.SIGTERM)
        until(lambda: _REPLACED.search(daemon.log), "one has ended")
        self.assertEqual(path.stat().st_mode & 0o777, 0o660)
        self.assertEqual(daemon.stop(), ORDERLY)
        self.assertFalse(path.exists())


class RoomTests(SynchronousTestCase):
    """A daemon that has few descriptors."""

    def test_none_left(self) -> None:
        """More clients than there is room for are told so, and the daemon neither spins nor tells more than once."""
        command = 'ulimit -n 160; exec "$0" -n --pidfile= ec2proxy --listen=tcp:0:interface=127.0.0.1'
        daemon = Daemon(["sh", "-c", command, TWISTD], LISTENS)
        self.addCleanup(daemon.stop)
        room = 80
        # None of these is idle.
        halves = [Half(daemon) for _ in range(room)]
        refusals = [ask(daemon, "DescribeRegions") for _ in range(20)]
        self.assertEqual({status for status, _ in refusals}, {503})
        self.assertIn("<Code>Unavailable</Code>", refusals[0][1])
        before = self._used(daemon)
        waiting = [create_connection(("127.0.0.1", daemon.port)) for _ in range(40)]
        time.sleep(0.4)
        self.assertLess(self._used(daemon) - before, 0.25)
        self.assertEqual({half.finish()[0] for half in halves}, {200})
        self.assertEqual(ask(daemon, "DescribeRegions")[0], 200)
        for each in waiting:
            each.close()
        self.assertEqual(daemon.stop(), ORDERLY)
        self.assertEqual(daemon.log.count("There is no room for more than 80 connections"), 1)

    def _used(self, daemon: Daemon) -> float:
        """Seconds of the processor that it has used."""
        fields = Path(f"/proc/{daemon._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
