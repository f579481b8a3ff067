"""A configuration that is read again, and the regions that are made anew."""

from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.composition.fleet import GRACE, Fleet
from ec2proxy.composition.reloading import Reloader
from ec2proxy.configuration.configuration import Configuration, Source
from ec2proxy.configuration.regions import Region
from ec2proxy.configuration.settings import Settings
from ec2proxy.ec2.errors import EC2Error

BEFORE = '[regions.a]\nurl = "mock"\n'
AFTER = BEFORE + '[regions.b]\nurl = "mock"\n'


class Told:
    """A service manager that notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def reloading(self) -> None:
        """Note it."""
        self.heard.append("reloading")

    def ready(self) -> None:
        """Note it."""
        self.heard.append("ready")


class ReloaderTests(SynchronousTestCase):
    """What comes of SIGHUP."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text(BEFORE)
        source = Source({}, str(self.path))
        self.adopted: list[Configuration] = []
        self.adopting: Deferred[None] | None = None
        self.manager = Told()
        self.looked: list[int] = []
        self.signals: list[Any] = []
        look = (lambda: self.looked.append(1),)
        reloader = Reloader(source, source.read(), self.adopt, look, self.manager, self.signals.append)  # type: ignore[arg-type]
        reloader.startService()
        (self.hang_up,) = self.signals

    async def adopt(self, configuration: Configuration) -> None:
        """Take it, at once or not."""
        self.adopted.append(configuration)
        if self.adopting is not None:
            await self.adopting

    def test_adopted(self) -> None:
        """Regions and accounts are taken; the service manager is told before and after; the log says so."""
        self.path.write_text(AFTER)
        with capturedLogs() as logged:
            self.hang_up()
        (found,) = self.adopted
        self.assertEqual([region.name for region in found.regions], ["a", "b"])
        self.assertEqual(self.manager.heard, ["reloading", "ready"])
        self.assertEqual(self.looked, [1])
        self.assertEqual([event["regions"] for event in logged], ["a, b"])

    def test_broken(self) -> None:
        """A broken file changes nothing, each mistake is logged, and the next good one is taken."""
        self.path.write_text(AFTER + "timeout = true\nx = 2")
        with capturedLogs() as logged:
            self.hang_up()
        self.assertEqual(self.adopted, [])
        self.assertEqual(
            [event["mistake"] for event in logged],
            [
                f"{self.path}:5: regions.b.timeout: it is not a number of seconds",
                f"{self.path}:6: regions.b.x: this is not known",
            ],
        )
        self.assertEqual(self.manager.heard, ["reloading", "ready"])
        self.path.write_text(AFTER)
        self.hang_up()
        self.assertEqual(len(self.adopted), 1)

    def test_restart_needed(self) -> None:
        """What cannot change while it runs stays, and is named."""
        self.path.write_text("drain = 3\nfreshness = 9\n" + AFTER)
        with capturedLogs() as logged:
            self.hang_up()
        self.assertEqual([event["names"] for event in logged if "names" in event], ["drain"])
        (found,) = self.adopted
        self.assertEqual((found.settings.drain, found.regions[0].settings.freshness), (20.0, 9.0))

    def test_one_at_a_time(self) -> None:
        """Signals that come meanwhile make one more turn, on the file as it is then."""
        self.adopting = Deferred()
        self.hang_up()
        self.path.write_text(AFTER)
        self.hang_up()
        self.hang_up()
        self.assertEqual(len(self.adopted), 1)
        self.adopting.callback(None)
        self.assertEqual([len(found.regions) for found in self.adopted], [1, 2])
        self.assertEqual(self.manager.heard, ["reloading", "ready"])

    def test_failing(self) -> None:
        """What should not happen is logged, and does not keep the next reload from being done."""
        self.adopting = Deferred()
        self.hang_up()
        self.adopting.errback(RuntimeError("a bug"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.manager.heard, ["reloading", "ready"])
        self.adopting = None
        self.hang_up()
        self.assertEqual(len(self.adopted), 2)


@define(eq=False)
class Running:
    """A region that notes what becomes of it; it is its own cloud."""

    region: Region
    steps: list[str] = field(factory=list)
    api: str = field(init=False)

    @api.default
    def _api(self) -> str:
        return f"api of {self.region.name}"

    @property
    def cloud(self) -> "Running":
        """Itself."""
        return self

    @property
    def name(self) -> str:
        """The region's."""
        return self.region.name

    async def resume(self) -> None:
        """Note it."""
        self.steps.append("resume")

    async def take_over(self) -> None:
        """Note it."""
        self.steps.append("take over")

    async def stop(self) -> None:
        """Note it."""
        self.steps.append("stop")

    async def close(self) -> None:
        """Note it."""
        self.steps.append("close")


class FleetTests(SynchronousTestCase):
    """Regions at work."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.made: list[Running] = []
        settings = Settings(backend="http://x/api", timeout=30.0)
        self.a, self.b = Region("a", settings), Region("b", settings)
        self.fleet = Fleet([self.a, self.b], self.make, self.clock)

    def make(self, region: Region) -> Any:
        """Make one."""
        self.made.append(Running(region))
        return self.made[-1]

    def replace(self, *regions: Region) -> None:
        """Have other regions."""
        self.successResultOf(Deferred.fromCoroutine(self.fleet.replace(regions)))

    def test_replaced(self) -> None:
        """The same stays, another takes its predecessor's work up once that is stopped, and the old goes later."""
        self.fleet.resume()
        old_a, old_b = self.made
        self.replace(evolve(self.b, settings=evolve(self.b.settings, timeout=5.0)), self.a)
        new_b = self.made[2]
        self.assertEqual(len(self.made), 3)
        self.assertEqual([old_a.steps, old_b.steps, new_b.steps], [["resume"], ["resume", "stop"], ["resume"]])
        self.assertEqual(list(self.fleet), [new_b, old_a])
        self.assertIs(self.fleet.regions.default, new_b)
        self.clock.advance(30 + GRACE - 1)
        self.assertEqual(old_b.steps, ["resume", "stop"])
        self.clock.advance(1)
        self.assertEqual(old_b.steps, ["resume", "stop", "close"])

    def test_before_start(self) -> None:
        """Where nothing has begun, nothing is taken up."""
        self.replace(self.a)
        self.assertEqual([each.steps for each in self.made], [[], ["stop"]])

    def test_closed(self) -> None:
        """The end does not wait for those that would go later, and lets go of each once."""
        self.replace(self.a)
        self.successResultOf(Deferred.fromCoroutine(self.fleet.close()))
        self.clock.advance(1000)
        self.assertEqual([each.steps for each in self.made], [["close"], ["stop", "close"]])

    def test_take_over(self) -> None:
        """All regions take over."""
        self.successResultOf(Deferred.fromCoroutine(self.fleet.take_over()))
        self.assertEqual([each.steps for each in self.made], [["take over"], ["take over"]])

    def test_api(self) -> None:
        """Each address has its region's frontend."""
        for host, path, name in (("h", "/api/x", "a"), ("h", "/regions/b/api", "b"), ("ec2.b.h", "/api", "b")):
            self.assertEqual(self.fleet.api(host, path), f"api of {name}")
        self.assertRaises(EC2Error, self.fleet.api, "h", "/regions/c/api")
