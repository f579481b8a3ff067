"""What every state store does, as tests."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.interfaces import ISeal, IStateStore
from ec2proxy.state.changes import KEPT
from ec2proxy.state.stamps import following

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
            self.result_of(self.store.apply("scope", {("kind", "one"): {}, ("kind", "two"): {}}))
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

        def test_put_new(self) -> None:
            """The first value stays, and is what the second is told of."""
            self.assertIsNone(self.result_of(self.store.put_new("scope", "kind", "key", {"n": 1})))
            self.assertEqual(self.result_of(self.store.put_new("scope", "kind", "key", {"n": 2})), {"n": 1})
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"n": 1})

        def test_apply(self) -> None:
            """Values are put and deleted at once."""
            self.result_of(self.store.apply("scope", {("old", key): {} for key in "abc"}))
            self.result_of(self.store.apply("scope", {}))
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

        def change(self, before: str, changes: Mapping[tuple[str, str], Any]) -> str:
            """Change the scope, which has to do, and give the new stamp."""
            after = following(before)
            self.assertIs(self.result_of(self.store.change("scope", before, after, changes)), True)
            return after

        def read(self, since: str | None, *kinds: str) -> tuple[str, bool, Any]:
            found: tuple[str, bool, Any] = self.result_of(self.store.read("scope", since, kinds))
            return found

        def test_change(self) -> None:
            """A change rests on the latest state, or is not made; scopes have stamps of their own."""
            self.assertEqual(self.read(None, "kind"), ("", True, {}))
            one = self.change("", {("kind", "a"): {"n": 1}})
            two = self.change(one, {("kind", "a"): {"n": 2}, ("kind", "b"): {"n": 3}})
            for before in ("", one, following(one), following("")):
                refused = self.store.change("scope", before, following(two), {("kind", "a"): None})
                self.assertIs(self.result_of(refused), False, before)
            self.assertEqual(self.result_of(self.store.items("scope", "kind")), {"a": {"n": 2}, "b": {"n": 3}})
            self.assertIs(self.result_of(self.store.change("other", "", following(""), {("kind", "a"): {}})), True)
            self.assertEqual(self.read(two, "kind"), (two, False, {}))

        def test_change_all_or_none(self) -> None:
            """A change that cannot be kept leaves its scope as it was, the stamp too."""
            one = self.change("", {("kind", "a"): {"n": 1}})
            bad = self.store.change("scope", one, following(one), {("kind", "b"): {}, ("kind", "c"): {"x": object()}})
            self.failureResultOf(Deferred.fromCoroutine(bad), TypeError)
            self.assertEqual(self.read(None, "kind"), (one, True, {("kind", "a"): {"n": 1}}))

        def test_read_what_has_changed(self) -> None:
            """Who knows an earlier state reads what has changed since, as it is now; of other kinds nothing."""
            self.result_of(self.store.apply("scope", {("kind", "early"): {}}))
            one = self.change("", {("kind", "a"): {"n": 1}, ("kind", "b"): {}, ("kind", "\ud800 é"): {}})
            two = self.change(one, {("kind", "a"): {"n": 2}, ("more", "c"): {"n": 3}, ("other", "d"): {}})
            three = self.change(two, {("kind", "b"): None, ("more", "c"): {"n": 4}})
            changed = {("kind", "a"): {"n": 2}, ("kind", "b"): None, ("more", "c"): {"n": 4}}
            self.assertEqual(self.read(one, "kind", "more"), (three, False, changed))
            self.assertEqual(self.read(two, "kind"), (three, False, {("kind", "b"): None}))
            whole = {("kind", "a"): {"n": 2}, ("kind", "early"): {}, ("kind", "\ud800 é"): {}}
            self.assertEqual(self.read(None, "kind"), (three, True, whole))
            self.assertEqual(self.read(following(one), "kind"), (three, True, whole))

        def test_read_after_many_changes(self) -> None:
            """Who knows a state of long ago reads everything; and after a change of very much, too."""
            long_ago = stamp = self.change("", {("kind", "first"): {}})
            for number in range(KEPT + 70):
                stamp = self.change(stamp, {("kind", "last"): {"n": number}})
            whole = {("kind", "first"): {}, ("kind", "last"): {"n": number}}
            for since in (long_ago, ""):
                self.assertEqual(self.read(since, "kind"), (stamp, True, whole))
            many = {("kind", str(number)): {} for number in range(1100)}
            after = self.change(stamp, many)
            told, _, found = self.read(stamp, "kind")
            self.assertEqual((told, set(found) - {("kind", "first"), ("kind", "last")}), (after, set(many)))

        def test_replace(self) -> None:
            """A value takes the place of the one that is expected there, of no other."""
            self.assertIs(self.result_of(self.store.replace("scope", "kind", "key", {}, {"n": 1})), False)
            self.result_of(self.store.put("scope", "kind", "key", {"ids": ("a",), "at": 0.1}))
            there = self.result_of(self.store.get("scope", "kind", "key"))
            self.assertIs(self.result_of(self.store.replace("scope", "kind", "key", {"ids": []}, {"n": 1})), False)
            self.assertIs(self.result_of(self.store.replace("scope", "kind", "key", there, {"n": 1})), True)
            self.assertEqual(self.result_of(self.store.get("scope", "kind", "key")), {"n": 1})

        def test_owner(self) -> None:
            """Its own process lives, and one of another name does not."""
            self.store.hold()
            self.assertIs(self.result_of(self.store.lives(self.store.owner)), True)
            self.assertIs(self.result_of(self.store.lives("00" * 8)), False)

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
