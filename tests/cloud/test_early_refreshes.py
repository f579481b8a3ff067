"""Refreshes that begin before anybody has to wait for them."""

from ec2proxy.cloud.picture import LONG, Snapshot
from tests.cloud.test_inventory import FRESHNESS, ME, InventoryTestCase, version


class EarlyTests(InventoryTestCase):
    def test_due(self):
        """The next refresh begins as early as it may take: a little, or up to half of the time where one takes long."""
        for took, due in ((0.0, 13.0), (0.04, 12.95), (LONG, 12.9), (0.2, 12.75), (0.4, 12.5), (3.0, 11.5)):
            self.assertAlmostEqual(Snapshot((), {}, 10.0, 0, 0, took).due(3.0), due)
        self.assertAlmostEqual(Snapshot((), {}, 10.0, 0, 0, LONG).due(1.0), 10.95)

    def test_held_up_once(self):
        """One refresh that takes longer than the others says nothing about the next one; two do."""
        self.fetched()
        for took, expected in ((0.0, 0.0), (2.0, 0.0), (1.0, 1.0), (1.5, 1.0), (0.25, 0.25)):
            self.clock.advance(FRESHNESS)
            reader = self.read()
            self.clock.advance(took)
            self.answer()
            self.assertEqual(self.successResultOf(reader).took, expected)

    def waited(self, number):
        """Wait for half a second for a refresh."""
        reader = self.read()
        self.clock.advance(0.5)
        self.answer(number)
        self.successResultOf(reader)

    def test_ahead(self):
        """Who wants to is told of a picture that was refreshed before anybody had to wait for it, and of no other."""
        told = []
        self.inventory.tell_ahead(lambda *whose: told.append(whose))
        self.waited(0)
        self.clock.advance(FRESHNESS - 0.7)
        self.successResultOf(self.read())
        self.assertEqual(self.driver.asked, [], "as if others took as long as the first")
        self.clock.advance(0.2)
        self.waited(1)
        self.clock.advance(FRESHNESS - 0.7)
        self.successResultOf(self.read())
        self.assertEqual((len(self.driver.asked), told), (1, []))
        self.answer(2)
        self.assertEqual(told, [(ME, "realms")])
        self.clock.advance(0.2)
        self.assertEqual(self.successResultOf(self.read()).items, tuple(version(2)))

    def test_read_when_told(self):
        """Whoever is told may read at once, and write: there is one refresh at a time even so, and all are answered."""
        readers = []

        def read_and_write(*whose):
            for _ in range(2):
                self.inventory.wrote(ME, "realms")
                readers.append(self.read())

        self.waited(0)
        self.clock.advance(FRESHNESS)
        self.waited(1)
        self.clock.advance(FRESHNESS - 0.7)
        self.successResultOf(self.read())
        self.inventory.tell_ahead(read_and_write)
        self.answer(2)
        self.assertEqual((len(readers), len(self.driver.asked)), (2, 1))
        self.inventory.tell_ahead(lambda *whose: None)
        for number in (3, 4):
            self.answer(number)
        self.assertEqual(
            [self.successResultOf(reader).items for reader in readers], [tuple(version(3)), tuple(version(4))]
        )
