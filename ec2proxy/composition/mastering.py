"""The first of several processes, made from a configuration: what it holds, and what it has workers know."""

import base64
import os
import pickle
from collections.abc import Mapping, Sequence

from attrs import evolve, frozen
from twisted.application.service import IService
from twisted.logger import Logger, globalLogPublisher

from ec2proxy.admin.status import StatusReport
from ec2proxy.cloud.shared_epochs import SharedEpochs, memory_of_epochs
from ec2proxy.composition.fleet import Fleet
from ec2proxy.composition.master import Master
from ec2proxy.composition.observation import Observation, Observed
from ec2proxy.composition.regional import Running, make_region
from ec2proxy.composition.reloading import reloader_of
from ec2proxy.composition.surroundings import Entrances, Manager
from ec2proxy.configuration.configuration import Configuration, Source
from ec2proxy.configuration.regions import Region
from ec2proxy.daemon import CannotStart
from ec2proxy.listening.shares import memory_of_shares
from ec2proxy.observing.sink import Lines
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import make_store
from ec2proxy.workers.channel import Handler
from ec2proxy.workers.crew import Crew
from ec2proxy.workers.logs import forwarded
from ec2proxy.workers.scratch import Scratch, new_path
from ec2proxy.workers.spawning import WorkerProcess, launch

_log = Logger()


@frozen
class Orders:
    """What a worker is to know.

    :param column: its own, of the shared epochs.
    :param columns: how many those have.
    :param machine: names the processes that share these epochs.
    :param ports: of embedded clouds, by region.
    :param scratch: a directory to remove when its last user ends; None if there is none.
    :param lines: whether it is to send whole lines of the log, not events.
    """

    configuration: Configuration
    column: int
    columns: int
    machine: str
    ports: Mapping[str, int]
    scratch: str | None
    lines: bool

    def packed(self) -> str:
        """As JSON can hold it, for a process of ours."""
        # Pickled as multiprocessing does it: it goes to a process that we have started, over a socket that nobody else
        # has. It holds the accounts' secrets.
        return base64.b64encode(pickle.dumps(self)).decode()

    @classmethod
    def unpacked(cls, text: str) -> "Orders":
        """What was packed, by the process that has started this one."""
        orders = pickle.loads(base64.b64decode(text))
        assert isinstance(orders, cls)
        return orders


class Holding:
    """What the first process has while workers serve: the state, embedded clouds, the epochs' memory.

    :param log: where the log's lines are written; None where twistd writes it its own way.
    """

    def __init__(self, configuration: Configuration, observation: Observation, log: Lines | None) -> None:
        self._scratch_path: str | None = None
        if configuration.state == "memory:":
            # Processes cannot share one's memory, but they can share files that are in memory.
            self._scratch_path = new_path()
            configuration = evolve(configuration, state=os.path.join(self._scratch_path, "state"))
        self.configuration = configuration
        self.observation = observation
        self._log = log
        self._scratch: Scratch | None = None
        self._columns = configuration.settings.workers + 1
        self._memory = memory_of_epochs(self._columns)
        self._shares = memory_of_shares(configuration.settings.workers)
        self._epochs = SharedEpochs(self._memory, self._columns, 0)
        reactor, settings = observation.reactor, configuration.settings
        self.store = observation.store(make_store(configuration.state, reactor, settings.state_key))

        def make(region: Region) -> Running:
            return make_region(region, self.store, reactor, observation.access, observation.counts, self._epochs)

        self.regions = Fleet(configuration.regions, make, reactor)
        self._members: Crew | None = None

    def crew(self, sockets: Sequence[int]) -> Crew:
        """The workers, for these sockets."""
        settings, reactor = self.configuration.settings, self.observation.reactor

        def start(number: int, handlers: Mapping[str, Handler]) -> WorkerProcess:
            return launch(reactor, self._memory, self._shares, sockets, number, {**handlers, **self._logging(number)})

        def died(number: int) -> None:
            # It may have written what it could not tell of any more.
            self._epochs.bump_all()
            members.tell("take over")

        members = self._members = Crew(settings.workers, start, self._orders, reactor, settings.drain, died)
        return members

    def begin(self) -> None:
        """Open the state, and hold it.

        :raises CannotStart: that cannot be done.
        """
        # What endpoints read (keys), workers are to read as the user that they run as.
        Entrances.of(self.configuration.settings, self.observation.reactor)
        if self._scratch_path is not None:
            self._scratch = Scratch.make(self._scratch_path)
        try:
            self.store.open()
            self.store.hold()
        except StateError as error:
            raise CannotStart(f"ec2proxy: --state: {error}") from None

    async def reload(self, configuration: Configuration) -> None:
        """Have workers serve other accounts and regions from now on."""
        # All else is as it was when the sockets were opened, also for a worker that is started later.
        self.configuration = evolve(self.configuration, accounts=configuration.accounts, regions=configuration.regions)
        await self.regions.replace(configuration.regions)
        if self._members is not None:
            expected = self._members.alive()
            if (took := await self._members.reload()) < expected:
                # Keys that were taken away are good there still.
                _log.error(
                    "{missing} of {expected} workers have not taken the new configuration",
                    missing=expected - took,
                    expected=expected,
                )

    async def close(self) -> None:
        """Let go of everything; any number of times."""
        await self.regions.close()
        await self.store.close()
        scratch, self._scratch = self._scratch, None
        if scratch is not None:
            scratch.leave()

    def _orders(self, number: int) -> str:
        ports = {
            each.region.name: each.network.embedded.port for each in self.regions if each.network.embedded is not None
        }
        lines = self.observation.writer is not None
        return Orders(
            self.configuration, number, self._columns, self.store.owner, ports, self._scratch_path, lines
        ).packed()

    def _logging(self, number: int) -> dict[str, Handler]:
        """What to do about what a worker would log."""
        handlers: dict[str, Handler] = {"event": forwarded(number, globalLogPublisher)}
        if self._log is not None:
            handlers["lines"] = self._log.write
        return handlers


def make_master(
    configuration: Configuration, observation: Observation, manager: Manager, log: Lines | None, source: Source
) -> IService:
    """The first process of a daemon with workers.

    :param log: where the log's lines are written; None where twistd writes it its own way.
    :param source: what the configuration was read from.
    """
    settings, reactor = configuration.settings, observation.reactor
    holding = Holding(configuration, observation, log)
    entrances = Entrances.of(settings, reactor)
    master = Master(entrances.endpoints, holding.crew, holding.begin, holding.close)
    status = observation.status(lambda: holding.regions, lambda: 0)

    async def gather() -> list[StatusReport]:
        workers: list[StatusReport] = [] if master.crew is None else await master.crew.reports()
        return workers or [await status.report()]

    def told() -> str:
        crew = master.crew
        alive, replaced = (0, 0) if crew is None else (crew.alive(), crew.restarts())
        return f"{alive} of {settings.workers} workers serve, {replaced} were replaced so far"

    attended = manager.attended(
        master, reactor, settings.drain, told, lambda: None if master.crew is None else master.crew.ready
    )
    reloader = reloader_of(
        source, holding.configuration, holding.reload, (observation.reopen, entrances.look), manager, reactor
    )
    admin = observation.admin(gather, lambda: holding.regions, holding.store)
    return Observed(observation, attended, admin, reloader)
