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

    def test_all(self):
        """None of the pictures is forgotten."""
        read = {name for name, one in vars(Inventory).items() if iscoroutinefunction(one) and not name.startswith("_")}
        self.assertEqual(read - {"look_again"}, set(COLLECTIONS))
        scopes = [self.cloud.inventory.scope(MINE, collection) for collection in COLLECTIONS]
        before = [self.cloud.epochs.of(scope) for scope in scopes]
        self.done(self.cloud.changed(MINE.user))
        for scope, epoch in zip(scopes, before, strict=True):
            self.assertNotEqual(epoch, self.cloud.epochs.of(scope), scope)
