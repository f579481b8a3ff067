"""Filters, against a naive model."""

import time

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.params import Filter
from tests.ec2.properties import unhurried


@frozen
class Item:
    colour: str = ""
    sizes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


TABLE = {"colour": lambda item: (item.colour,), "size": lambda item: item.sizes}

SHORT = st.text("ab*?\\.", max_size=6)
PATTERNS = st.text("ab*?\\.", max_size=8)
ITEMS = st.builds(
    Item,
    colour=SHORT,
    sizes=st.lists(SHORT, max_size=3).map(tuple),
    tags=st.dictionaries(st.sampled_from(["a", "b"]), SHORT, max_size=2).map(lambda tags: tuple(tags.items())),
)
NAMES = st.sampled_from(["colour", "size", "tag:a", "tag:c", "tag-key"])
FILTERS = st.lists(
    st.builds(
        lambda name, values: Filter(name=name, values=tuple(values)), NAMES, st.lists(PATTERNS, min_size=1, max_size=3)
    ),
    max_size=3,
)


def like(text: str, pattern: str) -> bool:
    """Whether a text is like a pattern, by trying everything."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        return any(like(text[cut:], rest) for cut in range(len(text) + 1))
    if head == "\\" and rest:
        return text[:1] == rest[0] and like(text[1:], rest[1:])
    return bool(text) and (head == "?" or head == text[0]) and like(text[1:], rest)


def naive(item: Item, filters: list[Filter]) -> bool:
    """Whether an item passes, said as the documentation says it."""

    def values(name: str) -> list[str]:
        if name.startswith("tag:"):
            return [value for key, value in item.tags if key == name[4:]]
        return {"colour": [item.colour], "size": list(item.sizes), "tag-key": [key for key, _ in item.tags]}[name]

    return all(any(like(text, value) for text in values(one.name) for value in one.values) for one in filters)


def passes(text: str, *values: str) -> bool:
    return matcher([Filter(name="colour", values=values)], TABLE)(Item(colour=text))


class MatcherTests(SynchronousTestCase):
    @unhurried
    @given(ITEMS, FILTERS)
    def test_model(self, item: Item, filters: list[Filter]) -> None:
        """Values are alternatives, filters all have to match, wildcards and backslashes mean what they should."""
        matches = matcher(filters, TABLE, lambda item: dict(item.tags))
        self.assertEqual(matches(item), naive(item, filters))

    def test_examples(self) -> None:
        """The documentation's, so that model and code are not wrong together."""
        self.assertTrue(passes("production", "prod*"))
        self.assertTrue(passes("production", "x", "*duct???"))
        self.assertFalse(passes("Production", "prod*"))
        self.assertFalse(passes("product", "prod?"))
        self.assertTrue(passes("*amazon?\\", "\\*amazon\\?\\\\"))
        self.assertFalse(passes("xamazonyz", "\\*amazon\\?\\\\"))
        self.assertTrue(passes("a\\", "a\\"))
        self.assertTrue(passes("a\nb", "a*b"))
        self.assertTrue(passes("", "*"))
        self.assertTrue(passes("", ""))
        self.assertFalse(passes("x", ""))
        self.assertFalse(passes("x\n", "x"))

    def test_no_filters(self) -> None:
        """Everything passes none."""
        self.assertTrue(matcher([], TABLE)(Item()))

    def test_no_values(self) -> None:
        """An item without any value for it passes no filter."""
        self.assertFalse(matcher([Filter(name="size", values=("*",))], TABLE)(Item()))

    def test_many_stars(self) -> None:
        """A pattern cannot keep the daemon busy."""
        started = time.process_time()
        self.assertFalse(passes("a" * 5000, "*a" * 120 + "*b"))
        self.assertFalse(passes("a" * 5000, "*?" * 120 + "b"))
        self.assertLess(time.process_time() - started, 1)


class RefusalTests(SynchronousTestCase):
    def refused(self, *filters: Filter) -> str:
        error = self.assertRaises(EC2Error, matcher, filters, TABLE)
        self.assertEqual(error.code, "InvalidParameterValue")
        return error.message

    def test_unknown(self) -> None:
        """A filter that is overlooked would let everything pass; without tags there are no filters on them."""
        for name in ("x", "Colour", "tag:", "tag:a", "tag-key", ""):
            self.assertEqual(self.refused(Filter(name=name, values=("a",))), f"The filter '{name}' is invalid")
        error = self.assertRaises(EC2Error, matcher, [Filter(name="tag:", values=("a",))], TABLE, lambda _: {})
        self.assertEqual(error.message, "The filter 'tag:' is invalid")

    def test_limits(self) -> None:
        """50 filters of 200 values of 255 characters, and no filter without a value."""
        most = Filter(name="size", values=("a" * 255,) * 200)
        matcher([most] * 50, TABLE)
        self.refused(*[most] * 51)
        self.refused(Filter(name="size", values=("a",) * 201))
        self.refused(Filter(name="size", values=("a" * 256,)))
        self.assertIn("no value", self.refused(Filter(name="size")))
