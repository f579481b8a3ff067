"""What the operator is told of a cloud, without its being asked."""

from typing import Any

from ec2proxy.cloud import overview as module
from ec2proxy.cloud.overview import overview
from ec2proxy.errors import BackendUnavailable
from tests.cloud.support import MINE, OTHER, SPEC, CloudTestCase


class OverviewTests(CloudTestCase):
    def told(self) -> Any:
        """The overview; the backend hears nothing of it."""
        asked = len(self.backend.requests)
        found = self.done(overview(self.cloud))
        self.assertEqual(len(self.backend.requests), asked)
        return found

    def test_nothing(self) -> None:
        """Nobody has asked for anything yet, or for no instances."""
        self.done(self.cloud.inventory.images(MINE))
        self.assertEqual((self.told()["pictures"], self.told()["seen"]), (1, False))
        self.done(self.cloud.inventory.instances(MINE))
        self.assertTrue(self.told()["seen"])
        self.restart()
        self.assertEqual(
            self.told(),
            {"pictures": 0, "bytes": 0, "seen": False, "states": {}, "instances": [], "unfinished": 0, "work": []},
        )

    def test_instances(self) -> None:
        """Each is told once with its EC2 state, whoever sees it; what is promised is told beside it."""
        self.launch(SPEC, least=2, most=2)
        self.later(5)
        for credentials in (MINE, OTHER):
            self.done(self.cloud.lifecycle.instances(credentials))
        first, second = (one["id"] for one in self.told()["instances"])
        plan = self.done(self.cloud.lifecycle.plan(MINE, "terminate", [second]))
        self.done(self.cloud.lifecycle.carry_out(MINE, plan))
        self.done(self.cloud.lifecycle.instances(MINE))
        found = self.told()
        self.assertEqual(found["states"], {"running": 1, "shutting-down": 1})
        row = next(one for one in found["instances"] if one["id"] == first)
        self.assertEqual(
            (row["state"], row["zone"], row["type"], row["owner"]), ("running", "us", "m1-small", "mockuser")
        )
        (work,) = found["work"]
        self.assertEqual((work["instance"], work["verb"], work["owner"]), (second, "terminate", "mockuser"))
        self.assertEqual(found["unfinished"], 1)

    def test_bounded(self) -> None:
        """Only so many are shown, and all are counted."""
        self.patch(module, "MOST_INSTANCES", 1)
        self.launch(SPEC, least=3, most=3)
        self.later(5)
        self.done(self.cloud.lifecycle.instances(MINE))
        found = self.told()
        self.assertEqual((len(found["instances"]), found["states"]), (1, {"running": 3}))

    def test_pictures_alone(self) -> None:
        """A picture whose owner's ledger has not been read yet, or whose cloud tells no states, shows nothing."""
        self.done(self.cloud.inventory.instances(MINE))
        self.assertEqual(self.told()["instances"], [])
        self.launch()
        self.done(self.cloud.lifecycle.instances(MINE))

        async def down(credentials: object) -> None:
            raise BackendUnavailable("down")

        self.patch(self.cloud.lifecycle, "machine", down)
        self.assertEqual(self.told()["instances"], [])
