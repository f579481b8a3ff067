"""What is changed past the EC2 API, at the Deltacloud API that is passed through: it is seen all the same."""

from inspect import iscoroutinefunction

from ec2proxy.cloud.inventory import COLLECTIONS, Inventory
from tests.cloud.support import MINE, OTHER, CloudTestCase


class PastUsTests(CloudTestCase):
    def setUp(self):
        self.make(freshness=60.0)

    def ids(self, credentials=MINE):
        """The instances that there are, and the keys, as the shared picture shows them."""
        inventory = self.cloud.inventory
        return [*self.done(inventory.instances(credentials)).by_id, *self.done(inventory.keys(credentials)).by_id]

    def test_seen(self):
        """Whatever was changed, it is there when that is told; how old a picture may be does not matter."""
        before = self.ids()
        self.done(self.driver.keys.create(MINE, "made-past-us"))
        self.assertEqual(before, self.ids())
        self.done(self.cloud.changed(MINE.user))
        self.assertEqual([*before, "made-past-us"], self.ids())

    def test_nobody_elses(self):
        """Other users' pictures stay."""
        self.ids(OTHER)
        self.backend.requests.clear()
        self.done(self.cloud.changed(MINE.user))
        self.ids(OTHER)
        self.assertEqual([], list(self.backend.requests))

    def test_attached(self):
        """With an instance goes what was attached to it: a write to instances is one to that as well, and no more."""
        before = {collection: self.epoch(collection) for collection in COLLECTIONS}
        self.one()
        touched = {collection for collection in COLLECTIONS if self.epoch(collection) != before[collection]}
        self.assertEqual({"instances", "addresses", "network_interfaces", "storage_volumes"}, touched)

    def epoch(self, collection):
        """The epoch of a collection of mine."""
        return self.cloud.epochs.of(self.cloud.inventory.scope(MINE, collection))

    def test_all(self):
        """None of the pictures is forgotten."""
        read = {name for name, one in vars(Inventory).items() if iscoroutinefunction(one) and not name.startswith("_")}
        self.assertEqual(read - {"look_again"}, set(COLLECTIONS))
        before = {collection: self.epoch(collection) for collection in COLLECTIONS}
        self.done(self.cloud.changed(MINE.user))
        for collection in COLLECTIONS:
            self.assertNotEqual(before[collection], self.epoch(collection), collection)
