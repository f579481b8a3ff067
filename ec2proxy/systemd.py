"""What systemd is told: that the daemon is ready, lives, reloads, stops (sd_notify(3), systemd.service(5))."""

# Much of twisted.application has no types.
# mypy: disable-error-code="no-untyped-call"

import socket
import time
from collections.abc import Callable, MutableMapping

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

#: Seconds between two looks at whether there is another status to be told.
STATUS_EVERY = 5.0

#: Seconds that closing the store and the connections may take, beside the drain.
STOP_MARGIN = 10.0


class Notifier:
    """Sends to the socket that the service manager gave us; says nothing where there is none.

    :param address: a path, or a name after ``@`` for a socket in the abstract namespace; None for no socket.
    """

    _log = Logger()

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        if address is not None:
            # Nobody is to wait for a manager that does not read.
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @property
    def heard(self) -> bool:
        """Whether somebody is there to be told."""
        return self._socket is not None

    def tell(self, *assignments: str) -> None:
        """Send ``READY=1`` and the like, in one message. That it does not arrive is logged, once."""
        if self._socket is None or self._address is None:
            return
        # An assignment is a line: none may smuggle in another.
        message = "\n".join(" ".join(text.split("\n")) for text in assignments)
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            self._socket.sendto(message.encode(), address)
        except BlockingIOError:
            return
        except OSError as error:
            self._log.warn("The service manager cannot be told anything: {why}", why=error.strerror)
            self.close()

    def reloading(self) -> None:
        """Tell that a reload begins; :meth:`ready` ends it."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def ready(self) -> None:
        """Tell that requests are answered."""
        self.tell("READY=1")

    def close(self) -> None:
        """Tell nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def notifier(environment: MutableMapping[str, str]) -> Notifier:
    """The way to the service manager that an environment tells of; it is taken out, so that no child uses it."""
    return Notifier(environment.pop("NOTIFY_SOCKET", None) or None)


def watchdog_seconds(environment: MutableMapping[str, str], pid: int) -> float | None:
    """Seconds within which the service manager wants a sign of life; None if it wants none from this process.

    The variables are taken out of the environment, as :func:`notifier` does.
    """
    interval = environment.pop("WATCHDOG_USEC", "")
    whom = environment.pop("WATCHDOG_PID", str(pid))
    if whom != str(pid) or not interval.isdecimal() or int(interval) == 0:
        return None
    return int(interval) / 1_000_000


class Supervised(Service):
    """Tells the service manager how the daemon is, from the reactor's own turns: one that hangs says nothing.

    It starts after the services that it speaks for, and is stopped before them.

    :param clock: the reactor's.
    :param watchdog: seconds within which a sign of life is due, or None.
    :param drain: seconds that stopping may take, beside what is done then.
    :param status: one line on how it is going.
    :param begun: called in the reactor's first turn; gives what fires when requests are answered, or None if they are.
    """

    def __init__(
        self,
        notifier: Notifier,
        clock: IReactorTime,
        watchdog: float | None,
        drain: float,
        status: Callable[[], str],
        begun: "Callable[[], Deferred[None] | None]" = lambda: None,
    ) -> None:
        self._notifier = notifier
        self._clock = clock
        self._watchdog = watchdog
        self._drain = drain
        self._status = status
        self._begun = begun
        self._told = ""

    def startService(self) -> None:
        """Be ready with the reactor's first turn at the earliest: what is started until then is there."""
        super().startService()
        self._clock.callLater(0, self._begin)

    def stopService(self) -> None:
        """Tell that it stops, and how long that may take. Signs of life go on: requests still have to finish."""
        super().stopService()
        grace = int((self._drain + STOP_MARGIN) * 1_000_000)
        self._notifier.tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={grace}", "STATUS=Letting requests finish")

    def _begin(self) -> None:
        waited = self._begun() if self.running else None
        if waited is None:
            self._ready()
        else:
            waited.addCallback(lambda result: self._ready())

    def _ready(self) -> None:
        if not self.running:
            return
        self._notifier.ready()
        self._tell_status()
        if self._watchdog is not None:
            self._sign_of_life()

    def _sign_of_life(self) -> None:
        assert self._watchdog is not None
        self._notifier.tell("WATCHDOG=1")
        # Half of the interval, as sd_watchdog_enabled(3) has it.
        self._clock.callLater(self._watchdog / 2, self._sign_of_life)

    def _tell_status(self) -> None:
        if not self.running:
            return
        if (status := self._status()) != self._told:
            self._told = status
            self._notifier.tell(f"STATUS={status}")
        self._clock.callLater(STATUS_EVERY, self._tell_status)
