"""What serves in one process, when its configuration becomes another one."""

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.composition.observation import Observation
from ec2proxy.composition.serving import ALONE, make_serving
from ec2proxy.composition.surroundings import Entrances
from ec2proxy.configuration.regions import Region
from ec2proxy.options import Options
from tests.observing.support import record


class ReloadTests(SynchronousTestCase):
    def setUp(self) -> None:
        options = Options()
        options.parseOptions(["--backend=http://x.example/api", "--state=memory:", "--idle=7"])
        self.configuration = options.configuration
        reactor = MemoryReactorClock()
        names = [region.name for region in self.configuration.regions]
        self.observation = Observation.of(self.configuration.settings, names, reactor, None, None)
        entrances = Entrances.of(self.configuration.settings, reactor)
        self.serving = make_serving(self.configuration, entrances, self.observation, ALONE)

    def counted(self) -> set[str]:
        """The regions that requests have been counted for."""
        return {region for (_, _, region), _ in self.observation.counts.report()["ec2proxy_requests_total"]}

    def test_counted(self) -> None:
        """From the first request on, those for a new region are counted under its name; nobody has to ask before."""
        self.observation.counts.answered(record(cloud="north"))
        self.assertEqual(self.counted(), {"other"})
        settings = evolve(self.configuration.settings, backend="http://cloud.example/api")
        fresh = evolve(self.configuration, regions=(Region("north", settings),))
        self.successResultOf(Deferred.fromCoroutine(self.serving.reload(fresh)))
        self.observation.counts.answered(record(cloud="north"))
        self.assertEqual(self.counted(), {"other", "north"})

    def test_idle(self) -> None:
        """The time that a connection may be idle is the configured one."""
        self.assertEqual(self.serving.site.timeOut, 7.0)
