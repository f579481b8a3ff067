"""The command line of ``twistd ec2proxy``, checked before anything is built."""

# Much of twisted.application and twisted.python has no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Sequence
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from ec2proxy.auth.accounts import Accounts, AccountsError
from ec2proxy.drivers.registry import factory_for
from ec2proxy.model import Backend
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import FORMS, make_store

MOCK = "mock"
FRONTENDS = ("ec2", "deltacloud")
STATE = "sqlite:///ec2proxy.sqlite"
"""Where the state is kept by default; what is remembered of the embedded cloud ends with it, in memory."""

LISTEN = "tcp:3001:interface=127.0.0.1:backlog=1024"


def seconds(text: str) -> float:
    """A number of seconds.

    :raises ValueError: it is not one.
    """
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


class OneLineOptions(UsageOptions):
    """Options whose mistakes are one line on standard error and a non-zero exit, without the whole help."""

    program = "ec2proxy"

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read a command line.

        :raises SystemExit: something is wrong with it.
        """
        try:
            super().parseOptions(options)
        except UsageError as error:
            raise SystemExit(f"{self.program}: {error}") from None


class Options(OneLineOptions):
    """What ``twistd ec2proxy`` can be told."""

    synopsis = "[options]"
    longdesc = (
        "A real Amazon EC2 Query API for the cloud behind a Deltacloud server. Without options: EC2 at /ec2 and "
        "Deltacloud at /api of http://127.0.0.1:3001, on an embedded cloud (user mockuser, password mockpassword)."
    )
    optParameters = [
        ["backend", "b", MOCK, "The Deltacloud API, http://host:3001/api, or 'mock' for the embedded cloud."],
        ["driver", None, None, "The Deltacloud driver to ask the server for, if not its own."],
        ["provider", None, None, "The driver's provider (an endpoint or region of it) to ask the server for."],
        ["frontends", "f", ",".join(FRONTENDS), "What is served: ec2, deltacloud or both, with a comma."],
        ["accounts", "a", None, "The accounts file (TOML): which access keys there are, and whom they are."],
        ["state", None, None, f"Where ec2proxy keeps what it remembers: {FORMS}."],
        ["state-key", None, None, "The file with the key that secrets in it are sealed with (default: FILE.key)."],
        ["freshness", None, "1", "How old an answer about the cloud may be, in seconds."],
        ["timeout", None, "60", "Seconds that one exchange with the backend may take."],
        ["drain", None, "20", "Seconds that requests under way have to finish when the daemon stops."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Where to listen, a Twisted endpoint (default: tcp:3001:interface=127.0.0.1); may be given several times."""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def postOptions(self) -> None:
        """Check everything and turn it into objects: ``backend``, ``frontends``, ``accounts``.

        :raises UsageError: something is wrong; one line says what.
        """
        frontends = frozenset(name.strip() for name in self["frontends"].split(","))
        if unknown := frontends - set(FRONTENDS):
            raise UsageError(f"--frontends: {min(unknown)!r} is none of {', '.join(FRONTENDS)}")
        self["frontends"] = frontends
        self["listen"] = self["listen"] or [LISTEN]
        for endpoint in self["listen"]:
            _check_endpoint(endpoint)
        for name in ("freshness", "timeout", "drain"):
            self[name] = self._seconds(name)
        if self["timeout"] == 0:
            raise UsageError("--timeout: it must be more than 0 seconds")
        self["accounts"] = self._accounts()
        self["backend"] = self._backend()
        self["state"] = self["state"] or (STATE if self["backend"] else "memory:")
        try:
            make_store(self["state"], the_reactor(), self["state-key"])
        except StateError as error:
            raise UsageError(f"--state: {error}") from None

    def _seconds(self, name: str) -> float:
        # Not by usage's own coercion: its message does not say which option it was.
        try:
            return seconds(self[name])
        except ValueError:
            raise UsageError(f"--{name}: {self[name]!r} is not a number of seconds, 0 or more") from None

    def _accounts(self) -> Accounts:
        if self["accounts"] is None:
            return Accounts.mock() if self["backend"] == MOCK else Accounts()
        try:
            return Accounts.load(self["accounts"])
        except AccountsError as error:
            raise UsageError(f"--accounts: {error}") from None

    def _backend(self) -> Backend | None:
        """The backend; None for the embedded cloud."""
        if self["backend"] == MOCK:
            if self["driver"] or self["provider"]:
                raise UsageError("--driver and --provider go with the --backend of a Deltacloud server")
            return None
        backend = Backend(self["backend"], self["driver"], self["provider"], self["timeout"])
        reactor = the_reactor()
        try:
            # A driver knows best which URLs it can use, and making one sends nothing.
            factory_for(backend.url).driver(backend, reactor, None)
        except (LookupError, ValueError) as error:
            raise UsageError(f"--backend: {error}") from None
        return backend


def the_reactor() -> Any:
    """The process's reactor, installed at the latest now."""
    from twisted.internet import reactor

    return reactor


def _check_endpoint(endpoint: str) -> None:
    try:
        serverFromString(the_reactor(), endpoint)
    except (ValueError, TypeError, KeyError, IndexError, OSError) as error:
        raise UsageError(f"--listen: {endpoint!r} is not an endpoint: {error}") from None
