"""Many users of one cloud, some of whom are made up."""

from types import SimpleNamespace

from attrs import evolve

from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.pictures import Pictures
from ec2proxy.errors import Unauthenticated
from ec2proxy.model import Credentials
from tests.cloud.support import MINE, OTHER, WRONG, CloudTestCase


class CrowdTests(CloudTestCase):
    def test_made_up(self):
        """Names that the cloud does not know leave nothing behind, so that nobody's picture goes for their sake."""
        self.cloud = evolve(
            self.cloud, inventory=Inventory("here", self.driver, self.cloud.epochs, self.clock, 60.0, 3)
        )
        for credentials in (MINE, OTHER):
            self.done(self.cloud.inventory.instances(credentials))
        self.backend.requests.clear()
        for number in range(10):
            made_up = Credentials(f"made up {number}", "")
            self.failureResultOf(self.begin(self.cloud.inventory.instances(made_up)), Unauthenticated)
        self.assertEqual(2, len(self.cloud.inventory))
        self.backend.requests.clear()
        for credentials in (MINE, OTHER):
            self.done(self.cloud.inventory.instances(credentials))
        self.assertEqual([], list(self.backend.requests))

    def test_refused_later(self):
        """A picture that was filled stays, and one whose failure is told again for a while."""
        self.done(self.cloud.inventory.instances(MINE))
        self.failureResultOf(self.begin(self.cloud.inventory.images(WRONG, 60.0, 5.0)), Unauthenticated)
        self.backend.users[MINE.user] = "another"
        self.later(2)
        self.failureResultOf(self.begin(self.cloud.inventory.instances(MINE)), Unauthenticated)
        self.assertEqual(2, len(self.cloud.inventory))

    def test_many(self):
        """Hundreds of users who poll in turn, each with several pictures, find them there."""
        asked = []

        class Collection:
            async def list(self, credentials):
                asked.append(credentials)
                return ()

        driver = SimpleNamespace(instances=Collection(), images=Collection(), realms=Collection(), keys=Collection())
        inventory = Inventory("here", driver, self.cloud.epochs, self.clock, 60.0)
        users = [Credentials(f"user{number}", "") for number in range(500)]
        for _ in range(2):
            for user in users:
                for read in (inventory.instances, inventory.images, inventory.realms, inventory.keys):
                    self.done(read(user))
        self.assertEqual(4 * len(users), len(asked))

    def test_room(self):
        """Those that go are the ones unused for longest, of those that nobody waits for; as many as have to."""
        pictures = Pictures(3, 1000)

        class Picture:
            busy, weight, snapshot = False, 0, None

        for name in "abc":
            pictures.add((MINE, name), Picture())
        pictures.get((MINE, "a"))
        pictures.get((MINE, "b")).busy = True
        pictures.add((MINE, "d"), Picture())
        self.assertIsNone(pictures.get((MINE, "c")))
        pictures.forget_empty((MINE, "b"))
        self.assertIsNotNone(pictures.get((MINE, "b")))
        pictures.forget_empty((MINE, "nothing"))
        self.assertEqual(3, len(pictures))
