"""What every state store does, as tests."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.interfaces import ISeal, IStateStore

NAMES = st.text(max_size=40)
VALUES = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)
ALTERED = st.one_of(
    st.tuples(st.just("apply"), st.dictionaries(st.tuples(st.sampled_from("xy"), NAMES), st.none() | VALUES)),
    st.tuples(st.just("put_new"), NAMES, VALUES),
)


def make_store_tests(factory: Callable[[SynchronousTestCase], IStateStore]) -> type[SynchronousTestCase]:
    """The tests of a store.

    :param factory: makes a new, open store, which answers without a reactor, for a test and cleans up after it.
    """

    class StoreTests(SynchronousTestCase):
        def setUp(self) -> None:
            self.store = factory(self)

        def result_of(self, coroutine: Coroutine[Deferred[Any], Any, Any]) -> Any:
            return self.successResultOf(Deferred.fromCoroutine(coroutine))

        def assert_scopes(self, kind: str, scopes: Sequence[str]) -> None:
            self.assertEqual(sorted(self.result_of(self.store.scopes(kind))), sorted(scopes))

        def test_interfaces(self) -> None:
            """It is a state store, and has a seal."""
            verifyObject(IStateStore, self.store)
            verifyObject(ISeal, self.store.seal)

        def test_empty(self) -> None:
            """Nothing is there at first, and forgetting it does nothing."""
            self.assertIsNone(self.result_of(self.store.get("scope", "kind", "key")))
            self.assertEqual(self.result_of(self.store.items("scope", "kind")), {})
            self.assert_scopes("kind", [])
            self.result_of(self.store.delete("scope", "kind", "key"))
            self.assert_scopes("kind", [])

        def test_put(self) -> None:
            """A value comes back, until another takes its place."""
            self.result_of(self.store.put("scope", "kind", "key", {"a": 1}))
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"a": 1})
            self.result_of(self.store.put("scope", "kind", "key", {"b": None}))
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"b": None})

        def test_delete(self) -> None:
            """A value that is deleted is gone, and others are not."""
            self.result_of(self.store.put_all("scope", "kind", {"one": {}, "two": {}}))
            self.result_of(self.store.delete("scope", "kind", "one"))
            self.assertIsNone(self.result_of(self.store.get("scope", "kind", "one")))
            self.assertEqual(self.result_of(self.store.items("scope", "kind")), {"two": {}})
            self.result_of(self.store.delete("scope", "kind", "two"))
            self.assert_scopes("kind", [])

        def test_apart(self) -> None:
            """Scopes do not see each other, nor do kinds."""
            for scope in ("a", "A", "a ", "é"):
                for kind in ("k", "K"):
                    self.result_of(self.store.put(scope, kind, "key", {"of": scope + kind}))
            for scope in ("a", "A", "a ", "é"):
                for kind in ("k", "K"):
                    self.assertEqual(self.result_of(self.store.items(scope, kind)), {"key": {"of": scope + kind}})
            self.assert_scopes("k", ["a", "A", "a ", "é"])

        def test_put_all(self) -> None:
            """Several values are put at once, also none."""
            self.result_of(self.store.put_all("scope", "kind", {}))
            self.result_of(self.store.put_all("scope", "kind", {"one": {"n": 1}, "two": {"n": 2}}))
            self.assertEqual(self.result_of(self.store.items("scope", "kind")), {"one": {"n": 1}, "two": {"n": 2}})

        def test_put_new(self) -> None:
            """The first value stays, and is what the second is told of."""
            self.assertIsNone(self.result_of(self.store.put_new("scope", "kind", "key", {"n": 1})))
            self.assertEqual(self.result_of(self.store.put_new("scope", "kind", "key", {"n": 2})), {"n": 1})
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"n": 1})

        def test_apply(self) -> None:
            """Values are put and deleted at once."""
            self.result_of(self.store.put_all("scope", "old", {"a": {}, "b": {}, "c": {}}))
            changes = {("old", "a"): None, ("new", "a"): {"n": 1}, ("old", "b"): {"n": 2}, ("none", "c"): None}
            self.result_of(self.store.apply("scope", changes))
            self.assertEqual(self.result_of(self.store.items("scope", "old")), {"b": {"n": 2}, "c": {}})
            self.assertEqual(self.result_of(self.store.items("scope", "new")), {"a": {"n": 1}})

        def test_apply_all_or_none(self) -> None:
            """A value that JSON cannot hold, or a name too long to keep, leaves everything as it was."""
            for bad in ({("kind", "b"): {"x": object()}}, {("kind", "k" * 2001): {}}):
                coroutine = self.store.apply("scope", {("kind", "a"): {"n": 1}} | bad)
                self.failureResultOf(Deferred.fromCoroutine(coroutine), TypeError, ValueError)
            self.assertEqual(self.result_of(self.store.items("scope", "kind")), {})

        def test_copies(self) -> None:
            """What a caller does with its values later changes nothing."""
            value: dict[str, Any] = {"list": [1]}
            self.result_of(self.store.put("scope", "kind", "key", value))
            value["list"].append(2)
            self.result_of(self.store.get("scope", "kind", "key"))["list"].append(3)
            self.result_of(self.store.put_new("scope", "kind", "key", {}))["list"].append(4)
            self.result_of(self.store.items("scope", "kind"))["key"]["list"].append(5)
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"list": [1]})

        def test_tuples(self) -> None:
            """What JSON has no type for comes back as JSON's nearest."""
            self.result_of(self.store.put("scope", "kind", "key", {"ids": ("a", "b")}))
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"ids": ["a", "b"]})

        @settings(max_examples=60, deadline=None)
        @given(st.lists(ALTERED, max_size=6))
        def test_like_a_dictionary(self, changes: Sequence[tuple[Any, ...]]) -> None:
            """Any text names a value and any JSON is one, and a store holds what a dictionary would."""
            model: dict[tuple[str, str], Any] = {}
            for kind in "xy":
                for key in self.result_of(self.store.items("s", kind)):
                    self.result_of(self.store.delete("s", kind, key))
            for what, *values in changes:
                if what == "put_new":
                    key, value = values
                    told = self.result_of(self.store.put_new("s", "x", key, value))
                    self.assertEqual(told, model.get(("x", key)))
                    model.setdefault(("x", key), value)
                else:
                    self.result_of(self.store.apply("s", values[0]))
                    model |= values[0]
                    model = {names: value for names, value in model.items() if value is not None}
            for kind in "xy":
                expected = {key: value for (of, key), value in model.items() if of == kind}
                self.assertEqual(self.result_of(self.store.items("s", kind)), expected)
                for key, value in expected.items():
                    self.assertEqual(self.result_of(self.store.get("s", kind, key)), value)

        def test_seal(self) -> None:
            """A secret that was sealed is not to be seen, and comes back."""
            sealed = self.store.seal.seal(b"open sesame", "scope/kind/key")
            self.assertNotIn("sesame", sealed)
            self.result_of(self.store.put("scope", "kind", "key", {"sealed": sealed}))
            kept = self.result_of(self.store.get("scope", "kind", "key"))["sealed"]
            self.assertEqual(self.store.seal.unseal(kept, "scope/kind/key"), b"open sesame")

        def test_close(self) -> None:
            """It can be closed twice."""
            self.result_of(self.store.close())
            self.result_of(self.store.close())

    return StoreTests
