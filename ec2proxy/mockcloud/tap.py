"""``twistd deltacloud-mock``: the mock cloud as a daemon of its own."""

# Most of twisted.application has no annotations.
# mypy: disable-error-code="no-untyped-call"

from typing import Any

from twisted.application.service import MultiService
from twisted.application.strports import service as listening
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThreadPool
from twisted.python.usage import UsageError
from twisted.web.server import Site

from ec2proxy.commandline import OneLineOptions
from ec2proxy.mockcloud.cloud import LAUNCH_TIMES, MockCloud
from ec2proxy.mockcloud.features import Features
from ec2proxy.mockcloud.machines import MACHINES
from ec2proxy.mockcloud.resource import api_root


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError("it is not a number of seconds")
    return seconds


class Options(OneLineOptions):
    """The command line of ``deltacloud-mock``."""

    program = "deltacloud-mock"
    synopsis = "[options]"
    longdesc = "A complete Deltacloud server with a cloud in memory; user mockuser, password mockpassword."
    optParameters = [
        ["port", "p", None, "Listen on this TCP port of 127.0.0.1 (default: 3002)."],
        ["machine", None, "mock", f"Whose life cycle instances have: {', '.join(MACHINES)}."],
        ["pending", None, 0.0, "Seconds that an instance is PENDING.", _seconds],
        ["stopping", None, 0.0, "Seconds that an instance is STOPPING.", _seconds],
        ["launch-time", None, "none", f"How instances tell their launch time: {', '.join(LAUNCH_TIMES)}."],
        ["instances", None, 0, "How many further instances there are at the start.", int],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []
        self["features"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Listen there instead: a Twisted endpoint, "unix:mock.sock". May be given several times."""
        self["listen"].append(endpoint)

    def opt_feature(self, name: str) -> None:
        """A feature to have beyond the mock driver's: user_data, firewalls, import_key, instance_count, ….

        May be given several times.
        """
        self["features"].append(name)

    def postOptions(self) -> None:
        """Check what can be checked before anything is built.

        :raises UsageError: something is wrong; one line says what.
        """
        if self["port"] is not None:
            if not self["port"].isdecimal() or int(self["port"]) > 65535:
                raise UsageError(f"--port: {self['port']!r} is not a port")
            self["listen"].insert(0, f"tcp:{self['port']}:interface=127.0.0.1")
        self["listen"] = self["listen"] or ["tcp:3002:interface=127.0.0.1"]
        for option, known in (("machine", MACHINES), ("launch-time", LAUNCH_TIMES)):
            if self[option] not in known:
                raise UsageError(f"--{option}: {self[option]!r} is none of {', '.join(known)}")
        if self["instances"] < 0:
            raise UsageError("--instances: it cannot be negative")
        try:
            Features(self["features"])
        except ValueError as error:
            raise UsageError(f"--feature: {error}") from None
        self._check_endpoints()

    def _check_endpoints(self) -> None:
        from twisted.internet import reactor

        for endpoint in self["listen"]:
            try:
                serverFromString(reactor, endpoint)
            except (ValueError, TypeError, KeyError) as error:
                raise UsageError(f"--listen: {endpoint!r} is not an endpoint: {error}") from None


def makeService(options: Options, reactor: Any = None) -> MultiService:
    """The service that ``options`` describe.

    :param reactor: the reactor to serve on; the process's own by default.
    """
    if reactor is None:
        from twisted.internet import reactor
    cloud = MockCloud(
        reactor,
        machine=options["machine"],
        features=options["features"],
        pending=options["pending"],
        stopping=options["stopping"],
        launch_time=options["launch-time"],
        in_thread=lambda work: deferToThreadPool(reactor, reactor.getThreadPool(), work),
    )
    cloud.seed(options["instances"])
    service = MultiService()
    for endpoint in options["listen"]:
        listening(endpoint, Site(api_root(cloud)), reactor).setServiceParent(service)
    return service
