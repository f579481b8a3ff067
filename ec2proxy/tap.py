"""``twistd ec2proxy``: objects are made out of configuration here, and in :mod:`ec2proxy.regional` for each region."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from ec2proxy.actions import registry
from ec2proxy.actions.service import EC2Service
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.configuration.configuration import Configuration
from ec2proxy.configuration.kinds import the_reactor
from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.ec2.paging import Pager
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.listening.limits import descriptor_limit, most_connections, raise_descriptor_limit
from ec2proxy.master import Master
from ec2proxy.mastering import make_master
from ec2proxy.options import Options as Options
from ec2proxy.regional import make_region
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import make_store
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.room import Room
from ec2proxy.web.site import EC2Site
from ec2proxy.web.tree import root

_log = Logger()


@frozen
class Part:
    """What a process is among those that serve the same clouds.

    :param epochs: makes what tells of the others' writes.
    :param enter: begins to use the state.
    :param embedded: the ports of embedded clouds that another process has, by region.
    :param announce: whether to tell in the log where it listens.
    """

    epochs: Callable[[IStateStore], IEpochs]
    enter: Callable[[IStateStore], None]
    embedded: Mapping[str, int] = field(factory=dict)
    announce: bool = True


#: The only process, on this machine at least.
ALONE = Part(lambda store: store.epochs(LocalEpochs()), lambda store: store.hold())


@frozen
class Serving:
    """A daemon, with what can be asked of it.

    :param report: what it has to tell of itself, as JSON can hold it.
    :param take_over: takes up what a process has left unfinished that has just died.
    """

    daemon: Daemon
    report: Callable[[], dict[str, Any]]
    take_over: Callable[[], Awaitable[None]]


def makeService(options: Options, reactor: Any = None) -> Daemon | Master:
    """The daemon that ``options`` describe.

    :param reactor: what it runs on; the process's own by default.
    """
    reactor = the_reactor() if reactor is None else reactor
    configuration = options.configuration
    settings = configuration.settings
    raise_descriptor_limit()
    if settings.workers > 1:
        return make_master(configuration, lambda: endpoints(configuration, repeat(reactor)), reactor)
    return make_daemon(configuration, endpoints(configuration, repeat(reactor)), reactor, ALONE).daemon


def endpoints(
    configuration: Configuration, reactors: Iterable[Any], called: Callable[[str], str] = str
) -> list[tuple[str, IStreamServerEndpoint]]:
    """Where to listen, each with its description.

    :param reactors: what each of them listens on.
    :param called: what it is called there.
    :raises CannotStart: what one of them needs cannot be had.
    """
    found = []
    for text, reactor in zip(configuration.settings.listen, reactors, strict=False):
        try:
            found.append((text, serverFromString(reactor, called(text))))
        except (ValueError, OSError) as error:
            raise CannotStart(f"ec2proxy: --listen: {text}: {error}") from None
    return found


def make_daemon(
    configuration: Configuration, endpoints: Sequence[tuple[str, IStreamServerEndpoint]], reactor: Any, part: Part
) -> Serving:
    """What answers requests in this process.

    :param part: what the process is among others.
    """
    settings = configuration.settings
    store = make_store(configuration.state, reactor, settings.state_key)
    epochs = part.epochs(store)
    access = AccessLog(reactor)
    (region,) = configuration.regions
    running = make_region(region, store, reactor, access, epochs, part.embedded.get(region.name))
    pager = Pager(os.urandom(32))
    authenticator = Authenticator(configuration.accounts, reactor.seconds)
    service = EC2Service(authenticator, registry.load(), running.cloud, pager)
    tree = root(settings.frontends, EC2Resource(service, access), running.api)
    site = EC2Site(tree, reactor, access)
    room = Room(site, site.connections, most_connections(descriptor_limit()), reactor)

    def begin() -> None:
        try:
            store.open()
            part.enter(store)
        except StateError as error:
            raise CannotStart(f"ec2proxy: --state: {error}") from None
        # Pages go on after a restart, and on another machine that shares the state.
        pager.key = store.seal.derived("paging")
        resuming = Deferred.fromCoroutine(running.cloud.resume())
        resuming.addErrback(lambda failure: _log.failure("Unfinished work could not be taken up", failure))

    async def close() -> None:
        await running.close()
        await store.close()

    def report() -> dict[str, Any]:
        return {"pid": os.getpid(), "connections": len(site.connections)}

    daemon = Daemon(endpoints, site, settings.drain, begin, close, room, part.announce)
    return Serving(daemon, report, running.cloud.take_over)
