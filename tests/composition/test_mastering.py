"""What the first process holds, and what it has workers know."""

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.shared_epochs import SharedEpochs
from ec2proxy.composition.mastering import Holding, Orders
from ec2proxy.composition.observation import Observation
from ec2proxy.daemon import CannotStart
from ec2proxy.options import Options
from ec2proxy.state.opening import make_store
from ec2proxy.workers.spawning import EPOCHS, FIRST_SOCKET, SHARES
from tests.workers.test_spawning import Reactor as Spawning


class Reactor(Spawning, MemoryReactorClock):  # type: ignore[misc]
    """Starts nothing, and listens nowhere."""

    def __init__(self) -> None:
        MemoryReactorClock.__init__(self)
        Spawning.__init__(self)

    def getThreadPool(self) -> None:  # noqa: N802  # Twisted's name
        """None is needed: nobody asks the embedded cloud anything."""


class Sink:
    """Takes lines."""

    lost = 0

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)

    def reopen(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class HoldingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.sink = Sink()

    def options(self, *options: str) -> Options:
        """What a command line says."""
        parsed = Options()
        parsed.parseOptions(["--workers=2", *options])
        return parsed

    def holding(self, *options: str) -> Holding:
        """What is held for a command line."""
        configuration = self.options(*options).configuration
        observation = Observation.of(configuration.settings, ["deltacloud"], self.reactor, self.sink, None)
        holding = Holding(configuration, observation, self.sink)
        self.addCleanup(lambda: Deferred.fromCoroutine(holding.close()))
        return holding

    def orders(self, holding: Holding) -> list[Orders]:
        """What workers are told that are started now, with sockets 80 and 81."""
        crew = holding.crew([80, 81])
        crew.serve()
        told: list[Orders] = []
        for number in (1, 2):
            told.append(Orders.unpacked(holding._orders(number)))
        return told

    def test_in_memory(self) -> None:
        """A state in memory is one that workers can join, as long as somebody uses it."""
        holding = self.holding()
        holding.begin()
        one, two = self.orders(holding)
        self.assertEqual((one.column, two.column, one.columns), (1, 2, 3))
        self.assertEqual((one.machine, one.lines), (holding.store.owner, True))
        self.assertEqual(list(one.ports), ["deltacloud"])
        assert one.scratch is not None
        self.assertEqual(Path(one.configuration.state).parent, Path(one.scratch))
        worker = make_store(one.configuration.state, self.reactor)
        worker.open()
        worker.join()
        self.assertEqual(worker.seal.derived("x"), holding.store.seal.derived("x"))
        for store in (worker, holding):
            self.successResultOf(Deferred.fromCoroutine(store.close()))
        self.assertFalse(Path(one.scratch).exists())

    def test_elsewhere(self) -> None:
        """A state and a cloud that are elsewhere are workers' own business."""
        state = self.mktemp()
        holding = self.holding(f"--state={state}", "--backend=http://cloud.example/api")
        holding.begin()
        one, _ = self.orders(holding)
        self.assertEqual((one.ports, one.scratch, one.configuration.state), ({}, None, state))
        refusal = self.assertRaises(CannotStart, self.holding(f"--state={state}").begin)
        self.assertIn("another ec2proxy uses it", str(refusal.code))

    def test_died(self) -> None:
        """When a worker dies, whatever it may have written counts as written, and others look for what it left."""
        holding = self.holding()
        holding.begin()
        crew = holding.crew([80])
        told: list[str] = []
        self.patch(crew, "tell", told.append)
        seen = SharedEpochs(holding._memory, 3, 1)
        before = seen.of("deltacloud/me/instances")
        crew._died(1)
        self.assertNotEqual(seen.of("deltacloud/me/instances"), before)
        self.assertEqual(told, ["take over"])

    def test_started(self) -> None:
        """Workers have the sockets and the memory; what they log is written where our log is."""
        holding = self.holding()
        holding.begin()
        holding.crew([80, 81]).start()
        inherited: dict[int, Any] = self.reactor.started["childFDs"]
        first = [inherited[each] for each in (EPOCHS, SHARES, FIRST_SOCKET, FIRST_SOCKET + 1)]
        self.assertEqual(first, [holding._memory, holding._shares, 80, 81])
        ((_, channel), *_) = self.reactor.channels
        channel._handlers["lines"]("a line\n")
        self.assertEqual(self.sink.lines, ["a line\n"])
        self.assertIn("event", channel._handlers)
        os.fstat(holding._memory)

    def test_reloaded(self) -> None:
        """Accounts and regions are others from then on; the state, the sockets and the workers stay as they are."""
        holding = self.holding()
        holding.begin()
        crew = holding.crew([80])
        before = holding.configuration
        fresh = self.options("--workers=7", "--listen=tcp:1", "--listen=tcp:2", "--backend=http://cloud.example/api")
        reloaded = Deferred.fromCoroutine(holding.reload(fresh.configuration))
        crew.serve()
        self.reactor.advance(3600)
        self.successResultOf(reloaded)
        (one, _) = (Orders.unpacked(holding._orders(number)) for number in (1, 2))
        self.assertEqual(one.configuration.regions, fresh.configuration.regions)
        self.assertEqual((one.configuration.settings, one.configuration.state), (before.settings, before.state))
        self.assertEqual(one.columns, 3)
