"""``twistd ec2proxy``: from the command line to the service that Twisted runs."""

from typing import Any

from twisted.application.service import IService

from ec2proxy.admin.status import StatusReport
from ec2proxy.composition.mastering import make_master
from ec2proxy.composition.observation import Observation, Observed, audit_of, log_of
from ec2proxy.composition.reloading import reloader_of
from ec2proxy.composition.serving import ALONE, make_serving
from ec2proxy.composition.surroundings import Entrances, Manager
from ec2proxy.configuration.kinds import the_reactor
from ec2proxy.listening.limits import raise_descriptor_limit
from ec2proxy.options import Options as Options


def makeService(options: Options, reactor: Any = None) -> IService:
    """The daemon that ``options`` describe.

    :param reactor: what it runs on; the process's own by default.
    """
    reactor = the_reactor() if reactor is None else reactor
    configuration = options.configuration
    settings = configuration.settings
    raise_descriptor_limit()
    log, audit = log_of(options.parent), audit_of(settings)
    observation = Observation.of(settings, [region.name for region in configuration.regions], reactor, log, audit)
    manager = Manager.found()
    if settings.workers > 1:
        return make_master(configuration, observation, manager, log, options.source)
    entrances = Entrances.of(settings, reactor)
    serving = make_serving(configuration, entrances, observation, ALONE)

    async def gather() -> list[StatusReport]:
        return [await serving.status.report()]

    def told() -> str:
        return f"{len(serving.site.connections)} connections"

    daemon = manager.attended(serving.daemon, reactor, settings.drain, told)
    admin = observation.admin(gather, lambda: serving.regions, serving.store)
    also = (observation.reopen, entrances.look)
    reloader = reloader_of(options.source, configuration, serving.reload, also, manager, reactor)
    return Observed(observation, daemon, admin, reloader)
