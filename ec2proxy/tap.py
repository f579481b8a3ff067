"""``twistd ec2proxy``: objects are made out of configuration here, and in :mod:`ec2proxy.regional` for each region."""

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger

from ec2proxy.actions import registry
from ec2proxy.actions.service import EC2Service
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.configuration.kinds import the_reactor
from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.ec2.paging import Pager
from ec2proxy.options import Options as Options
from ec2proxy.regional import make_region
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import make_store
from ec2proxy.web.access import AccessLog
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.site import EC2Site
from ec2proxy.web.tree import root

_log = Logger()


def makeService(options: Options, reactor: Any = None) -> Daemon:
    """The daemon that ``options`` describe.

    :param reactor: what it runs on; the process's own by default.
    """
    reactor = the_reactor() if reactor is None else reactor
    configuration = options.configuration
    settings = configuration.settings
    store = make_store(configuration.state, reactor, settings.state_key)
    access = AccessLog(reactor)
    (region,) = configuration.regions
    running = make_region(region, store, reactor, access)
    pager = Pager(os.urandom(32))
    authenticator = Authenticator(configuration.accounts, reactor.seconds)
    service = EC2Service(authenticator, registry.load(), running.cloud, pager)
    tree = root(settings.frontends, EC2Resource(service, access), running.api)

    def begin() -> None:
        try:
            store.open()
            store.hold()
        except StateError as error:
            raise CannotStart(f"ec2proxy: --state: {error}") from None
        # Pages go on after a restart, and on another machine that shares the state.
        pager.key = store.seal.derived("paging")
        resuming = Deferred.fromCoroutine(running.cloud.resume())
        resuming.addErrback(lambda failure: _log.failure("Unfinished work could not be taken up", failure))

    async def close() -> None:
        await running.close()
        await store.close()

    endpoints = [(text, serverFromString(reactor, text)) for text in settings.listen]
    return Daemon(endpoints, EC2Site(tree, reactor, access), settings.drain, begin, close)
