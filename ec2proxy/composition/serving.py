"""What answers requests in one process, made from a configuration: the state, the regions, the service, the site."""

import os
from collections.abc import Callable, Mapping

from attrs import field, frozen

from ec2proxy.actions import registry
from ec2proxy.actions.service import EC2Service
from ec2proxy.actions.throttle import Throttle
from ec2proxy.admin.status import Status
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.collecting import collect_seldom
from ec2proxy.composition.fleet import Fleet
from ec2proxy.composition.observation import Observation
from ec2proxy.composition.regional import Running, make_region, most_calls
from ec2proxy.composition.surroundings import Entrances
from ec2proxy.configuration.configuration import Configuration
from ec2proxy.configuration.regions import Region
from ec2proxy.configuration.settings import HTTP
from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.ec2.paging import Pager
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.listening.limits import descriptor_limit, most_connections
from ec2proxy.observing import families
from ec2proxy.observing.counts import Counts
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import make_store
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.fastsite import FastSite
from ec2proxy.web.regional import RegionalResource
from ec2proxy.web.room import Room
from ec2proxy.web.site import EC2Site
from ec2proxy.web.tree import root


@frozen
class Part:
    """What a process is among those that serve the same clouds.

    :param epochs: makes what tells of the others' writes.
    :param enter: begins to use the state.
    :param ports: of embedded clouds that another process has, by region.
    :param announce: whether to tell in the log where it listens.
    """

    epochs: Callable[[IStateStore], IEpochs]
    enter: Callable[[IStateStore], None]
    ports: Mapping[str, int] = field(factory=dict)
    announce: bool = True


#: The only process, on this machine at least.
ALONE = Part(lambda store: store.epochs(LocalEpochs()), lambda store: store.hold())


@frozen(eq=False)
class Serving:
    """A daemon, with what it is made of that others ask for.

    :param regions: those at work, the default first.
    :param authenticator: knows the accounts.
    :param ports: of embedded clouds that another process has, by region.
    """

    daemon: Daemon
    site: EC2Site
    store: IStateStore
    regions: Fleet
    status: Status
    counts: Counts
    authenticator: Authenticator
    ports: dict[str, int]

    async def take_over(self) -> None:
        """Take up what a process has left unfinished that has just died."""
        await self.regions.take_over()

    async def reload(self, configuration: Configuration, ports: Mapping[str, int] | None = None) -> None:
        """Have other accounts and regions from now on; the rest of a configuration takes a restart.

        Requests under way finish with those that they began with, and no connection is dropped.

        :param ports: of embedded clouds that another process has, by region.
        """
        self.ports.update(ports or {})
        self.authenticator.accounts = configuration.accounts
        # What comes in for a new region at once is to count under its name.
        self.counts.regions = frozenset(region.name for region in configuration.regions)
        await self.regions.replace(configuration.regions)


def make_serving(configuration: Configuration, entrances: Entrances, observation: Observation, part: Part) -> Serving:
    """What answers requests in this process; nothing is begun yet.

    :param part: what the process is among others.
    """
    settings, reactor, access = configuration.settings, observation.reactor, observation.access
    store = observation.store(make_store(configuration.state, reactor, settings.state_key))
    epochs, ports = part.epochs(store), dict(part.ports)

    def make(region: Region) -> Running:
        return make_region(region, store, reactor, access, observation.counts, epochs, ports.get(region.name))

    fleet = Fleet(configuration.regions, make, reactor)
    pager, authenticator = Pager(os.urandom(32)), Authenticator(configuration.accounts, reactor.seconds)
    throttle = Throttle(settings.throttle, reactor.seconds)
    service = EC2Service(authenticator, registry.load(), fleet.regions, pager, throttle)
    observation.counts.watch(families.KEPT_BYTES, service.kept)
    tree = root(settings.frontends, EC2Resource(service, access), RegionalResource(fleet.api, access))
    site = (FastSite if settings.http == HTTP[0] else EC2Site)(tree, reactor, access, settings.idle)
    most = most_connections(descriptor_limit(), most_calls(configuration.regions))
    room = Room(site, site.connections, most, reactor)

    def begin() -> None:
        try:
            store.open()
            part.enter(store)
        except StateError as error:
            raise CannotStart(f"ec2proxy: --state: {error}") from None
        # Pages go on after a restart, and on another machine that shares the state.
        pager.key = store.seal.derived("paging")
        fleet.resume()
        collect_seldom()

    async def close() -> None:
        await fleet.close()
        await store.close()

    daemon = Daemon(entrances.endpoints, site, settings.drain, begin, close, room, part.announce)
    status = observation.status(lambda: fleet, lambda: len(site.connections))
    return Serving(daemon, site, store, fleet, status, observation.counts, authenticator, ports)
