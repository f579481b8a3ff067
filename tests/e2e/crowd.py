"""A crowd of clients who change something over and over, and keep account of what was answered."""

import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from urllib.parse import urlencode

from tests.e2e.backends import BASIC
from tests.e2e.daemons import until


class Crowd:
    """Clients of one daemon, each a thread that sets a tag of its own to 1, 2, 3, ….

    :param resource: what they tag.
    :param trusted: for TLS; None for none.
    :param each: how many requests share a connection; None for as many as it takes.
    :ivar answered: by client, the last value that was answered.
    :ivar ended: how many found no connection any more, or lost it before an answer began.
    :ivar broken: what was heard that is no answer: an error, or a part of one.
    """

    def __init__(
        self, port: int, resource: str, size: int = 8, trusted: ssl.SSLContext | None = None, each: int | None = None
    ) -> None:
        self._port = port
        self._resource = resource
        self._trusted = trusted
        self._each = each
        self._enough = threading.Event()
        self.answered = {f"client-{number}": 0 for number in range(size)}
        self.ended = 0
        self.broken: list[str] = []
        self._threads = [threading.Thread(target=self._go, args=(name,), daemon=True) for name in self.answered]

    def __enter__(self) -> "Crowd":
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, when each has heard what it waits for."""
        self._enough.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for(self, more: int) -> None:
        """Wait until so many more requests have been answered."""
        enough = sum(self.answered.values()) + more
        until(
            lambda: self.broken or sum(self.answered.values()) >= enough,
            f"{enough} answers, there are {self.answered}, {self.ended} ended",
        )

    def _connect(self) -> HTTPConnection:
        if self._trusted is None:
            return HTTPConnection("127.0.0.1", self._port, timeout=30)
        return HTTPSConnection("127.0.0.1", self._port, timeout=30, context=self._trusted)

    def _go(self, name: str) -> None:
        connection, asked = self._connect(), 0
        while not self._enough.is_set():
            try:
                # The daemon may be gone: then there is nothing to be lost.
                connection.connect() if connection.sock is None else None
            except ConnectionError:
                self.ended += 1
                return
            except OSError as error:
                self.broken.append(repr(error))
                return
            try:
                status, text = self._tag(connection, name)
            except ConnectionError:
                # Closed where an answer should begin, http.client calls it too.
                self.ended += 1
                return
            except (HTTPException, OSError) as error:
                self.broken.append(repr(error))
                return
            if status != 200:
                self.broken.append(f"{status} {text}")
                return
            self.answered[name] += 1
            asked += 1
            if asked == self._each:
                connection.close()
                asked = 0
        connection.close()

    def _tag(self, connection: HTTPConnection, name: str) -> tuple[int, str]:
        tag = {"Tag.1.Key": name, "Tag.1.Value": str(self.answered[name] + 1)}
        form = urlencode({"Action": "CreateTags", "Version": "2016-11-15", "ResourceId.1": self._resource, **tag})
        kind = {"Authorization": BASIC, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/ec2", form, kind)
        response = connection.getresponse()
        try:
            return response.status, response.read().decode()
        except ConnectionError as error:
            raise HTTPException("the answer was cut off") from error
