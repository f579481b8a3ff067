"""A worker: ``python -m ec2proxy.composition.worker``, which the first process starts, and nobody else.

It is told over a channel what to serve. It ends when it is told to, by a signal, or when the first process is not there
any more; each time, requests under way may finish.
"""

# Much of twisted.internet has no types.
# mypy: disable-error-code="no-untyped-call"

import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger, globalLogBeginner, globalLogPublisher

from ec2proxy.cloud.shared_epochs import SharedEpochs
from ec2proxy.composition.mastering import Orders
from ec2proxy.composition.observation import Observation, audit_of
from ec2proxy.composition.serving import Part, Serving, make_serving
from ec2proxy.composition.surroundings import Entrances
from ec2proxy.configuration.kinds import the_reactor
from ec2proxy.daemon import CannotStart
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.listening.inherited import Inherited, elsewhere
from ec2proxy.listening.shares import Shares
from ec2proxy.observing.sink import Lines
from ec2proxy.timekeeping import Timekeeper
from ec2proxy.workers.channel import Channel, Joining
from ec2proxy.workers.logs import Forwarding, SentLines
from ec2proxy.workers.scratch import Scratch
from ec2proxy.workers.spawning import CHANNEL, EPOCHS, FIRST_SOCKET, SHARES

_log = Logger()

#: Seconds that the last words may take to be sent.
LAST_WORDS = 2.0


class Worker:
    """What a worker does about what the first process says.

    :param reactor: what it runs on.
    :ivar exit_code: of the process, when it has ended.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._serving: Serving | None = None
        self._observation: Observation | None = None
        self._scratch: Scratch | None = None
        self._timekeeper = Timekeeper(reactor)
        self.exit_code = 0
        self.channel = Channel(
            {
                "serve": self._serve,
                "report": self._report,
                "take over": self._take_over,
                "reload": self._reload,
                "stop": lambda _: self.stop(),
            }
        )
        self.events = Forwarding(lambda event: self.channel.tell("event", event))
        self.channel.gone.addCallback(lambda _: self.stop())
        reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(self._end()))

    def stop(self) -> None:
        """Let requests under way finish, then end."""
        # It may have been told by a signal, too.
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    async def _serve(self, packed: str) -> None:
        try:
            orders = Orders.unpacked(packed)
            if orders.scratch is not None:
                self._scratch = Scratch(orders.scratch)
            lines = SentLines(self.channel.tell) if orders.lines else None
            self._observation = make_observation(orders, self._reactor, lines)
            if lines is not None:
                globalLogPublisher.removeObserver(self.events)
            self._observation.lag.start()
            self._timekeeper.startService()
            self._serving = serving = make_worker(orders, self._observation)
            serving.daemon.privilegedStartService()
            serving.daemon.startService()
        except CannotStart as error:
            _log.error("{why}", why=str(error))
            self._give_up()
        except Exception:
            _log.failure("A worker cannot serve")
            self._give_up()
        else:
            self.channel.tell("serving")

    def _give_up(self) -> None:
        self.exit_code = 1
        self.stop()

    async def _report(self, value: Any) -> Any:
        return None if self._serving is None else await self._serving.status.report()

    async def _reload(self, packed: str) -> None:
        if self._serving is not None:
            orders = Orders.unpacked(packed)
            await self._serving.reload(orders.configuration, orders.ports)
        if self._observation is not None:
            self._observation.reopen()

    async def _take_over(self, value: Any) -> None:
        if self._serving is not None:
            await self._serving.take_over()

    async def _end(self) -> None:
        if self._serving is not None:
            await self._serving.daemon.stopService()
        if self._observation is not None:
            self._observation.lag.stop()
            self._observation.access.flush()
        if self._timekeeper.running:
            await maybeDeferred(self._timekeeper.stopService)
        if self._scratch is not None:
            self._scratch.leave()
        self.channel.close()
        with suppress(TimedOut):
            await self.channel.gone.addTimeout(LAST_WORDS, self._reactor)


def make_observation(orders: Orders, reactor: Any, lines: Lines | None) -> Observation:
    """What takes notice in a worker.

    :param lines: where its log goes; None to send it as events.
    :raises CannotStart: the audit log cannot be written.
    """
    configuration = orders.configuration
    names = [region.name for region in configuration.regions]
    observation = Observation.of(configuration.settings, names, reactor, lines, audit_of(configuration.settings))
    if observation.writer is not None:
        globalLogPublisher.addObserver(observation.writer)
    return observation


def make_worker(orders: Orders, observation: Observation) -> Serving:
    """What a worker serves.

    :raises CannotStart: it cannot be had.
    """
    reactor = observation.reactor
    shared = SharedEpochs(EPOCHS, orders.columns, orders.column)
    # The first process has a column of the epochs, and takes no connections.
    shares = Shares(SHARES, orders.columns - 1, orders.column - 1)

    def epochs(store: IStateStore) -> IEpochs:
        return store.epochs(shared, orders.machine)

    def endpoint(number: int, text: str) -> IStreamServerEndpoint:
        inherited = Inherited(reactor, FIRST_SOCKET + number, shares)
        found: IStreamServerEndpoint = serverFromString(inherited, elsewhere(text))
        return found

    part = Part(epochs, lambda store: store.join(), orders.ports, announce=False)
    entrances = Entrances.of(orders.configuration.settings, reactor, endpoint)
    serving = make_serving(orders.configuration, entrances, observation, part)
    serving.site.connections.changed = shares.tell
    return serving


def main() -> int:
    """Serve until it is time to end; give the exit code."""
    reactor = the_reactor()
    worker = Worker(reactor)
    # A terminal sends to all what is meant for the first process, so it may come twice. Twisted's handlers mind that.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: reactor.callFromThread(worker.stop))
    reactor.adoptStreamConnection(CHANNEL, socket.AF_UNIX, Joining(worker.channel))
    os.close(CHANNEL)
    globalLogBeginner.beginLoggingTo([worker.events], redirectStandardIO=False)
    reactor.run(installSignalHandlers=False)
    return worker.exit_code


if __name__ == "__main__":
    sys.exit(main())
