"""Memories of bounded size."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions.cache import OVERHEAD, Cache
from ec2proxy.actions.same import SameOf

USES = st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 3)))


class CacheTests(SynchronousTestCase):
    @given(USES)
    def test_bounded(self, uses: list[tuple[int, int | None]]) -> None:
        """It never holds more than it may, counts right, and gives what was put last; the latest use stays."""
        most = 4 * OVERHEAD
        cache: Cache[int, int] = Cache(most)
        last: dict[int, int] = {}
        for place, (key, size) in enumerate(uses):
            if size is None:
                self.assertIn(cache.get(key), (None, last.get(key)))
                continue
            cache.put(key, place, size * OVERHEAD)
            last[key] = place
            self.assertEqual(cache.get(key), place)
            self.assertLessEqual(cache.bytes, most)
            self.assertEqual(cache.bytes, sum(slot.size for slot in cache._kept.values()))

    def test_unused_goes_first(self) -> None:
        """What was used lately outlasts what was not."""
        cache: Cache[int, int] = Cache(2 * OVERHEAD)
        cache.put(1, 1, 0)
        cache.put(2, 2, 0)
        cache.get(1)
        cache.put(3, 3, 0)
        self.assertEqual([cache.get(key) for key in (1, 2, 3)], [1, None, 3])

    def test_slot(self) -> None:
        """Where a value is held stays the same for the next value, and is empty once it had to go."""
        cache: Cache[int, int] = Cache(2 * OVERHEAD)
        self.assertIsNone(cache.slot(1))
        cache.put(1, 1, 0)
        slot = cache.slot(1)
        assert slot is not None
        cache.put(1, 2, 1)
        self.assertEqual(slot.value, 2)
        cache.put(2, 2, 0)
        self.assertIsNone(slot.value)
        cache.put(1, 3, 0)
        self.assertIsNone(slot.value)
        self.assertEqual(cache.get(1), 3)

    def test_too_large(self) -> None:
        """What does not fit at all is not kept, nor what it was to replace, and drives nothing else out."""
        cache: Cache[int, int] = Cache(2 * OVERHEAD)
        cache.put(1, 1, 0)
        cache.put(2, 2, 0)
        cache.put(2, 3, 2 * OVERHEAD)
        self.assertEqual([cache.get(1), cache.get(2)], [1, None])


class SameOfTests(SynchronousTestCase):
    def test_same(self) -> None:
        """The same objects give the same; equal ones, or another owner's, do not."""
        same = SameOf(lambda *things: object(), most=2)
        one, other = [1], [1]
        made = same.of("me", one)
        self.assertIs(same.of("me", one), made)
        self.assertIsNot(same.of("you", one), made)
        self.assertIsNot(same.of("me", other), made)

    def test_bounded(self) -> None:
        """The owner who has not asked for longest is forgotten."""
        same = SameOf(lambda *things: object(), most=2)
        thing: list[int] = []
        first, second = same.of("a", thing), same.of("b", thing)
        same.of("a", thing)
        same.of("c", thing)
        self.assertIs(same.of("a", thing), first)
        self.assertIsNot(same.of("b", thing), second)
