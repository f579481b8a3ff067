"""Pages and their tokens."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.paging import Pager, fingerprint
from ec2proxy.ec2.params import Filter
from tests.ec2.properties import unhurried

KEYS = st.sets(st.text("abcz\u00e9", min_size=1, max_size=3), max_size=12)


def itself(item: str) -> str:
    return item


class PagerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.pager = Pager(b"key")

    def test_not_asked_for(self) -> None:
        """Without a limit everything comes, in its own order."""
        self.assertEqual(self.pager.page(["b", "a"], itself, None, None, "f"), (["b", "a"], None))
        self.assertEqual(self.pager.page(["b", "a"], itself, None, "", "f"), (["b", "a"], None))

    def test_pages(self) -> None:
        """A limit cuts, the token goes on, the last page has none; a token without a limit brings the rest."""
        page, token = self.pager.page(["c", "a", "b"], itself, 2, None, "f")
        self.assertEqual(page, ["a", "b"])
        self.assertEqual(self.pager.page(["c", "a", "b"], itself, 2, token, "f"), (["c"], None))
        self.assertEqual(self.pager.page(["d", "c", "a"], itself, None, token, "f"), (["c", "d"], None))
        self.assertEqual(self.pager.page(["a", "b"], itself, 2, None, "f"), (["a", "b"], None))
        self.assertEqual(self.pager.page([], itself, 2, token, "f"), ([], None))

    @unhurried
    @given(KEYS, st.lists(KEYS, max_size=12), st.integers(1, 5))
    def test_neither_skip_nor_repeat(self, staying: set[str], coming: list[set[str]], limit: int) -> None:
        """Whatever comes and goes meanwhile, what is there all the time is shown exactly once."""
        shown: list[str] = []
        token = None
        for others in [*coming, *[set()] * 30]:
            page, token = self.pager.page(staying | others, itself, limit, token, "f")
            shown += page
            if token is None:
                break
        self.assertIsNone(token)
        self.assertEqual(len(shown), len(set(shown)))
        self.assertLessEqual(staying, set(shown))

    def test_bogus_tokens(self) -> None:
        """A token of another request, principal or key, a changed one, and anything else is refused."""
        _, token = self.pager.page("abc", itself, 1, None, fingerprint("DescribeInstances", "me"))
        asked = fingerprint("DescribeInstances", "me")
        self.pager.page("abc", itself, 1, token, asked)
        changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token) - 2)]
        for bogus in [*changed, "x", "=", "\u00e9", "None___5", token + "AAAA", token[:8], "A" * 22 + "=="]:
            error = self.assertRaises(EC2Error, self.pager.page, "abc", itself, 1, bogus, asked)
            self.assertEqual(error.code, "InvalidParameterValue")
        for other in (fingerprint("DescribeImages", "me"), fingerprint("DescribeInstances", "you"), ""):
            self.assertRaises(EC2Error, self.pager.page, "abc", itself, 1, token, other)
        self.assertRaises(EC2Error, Pager(b"other").page, "abc", itself, 1, token, asked)


class FingerprintTests(SynchronousTestCase):
    def test_told_apart(self) -> None:
        """Different requests differ, equal ones do not."""
        one = Filter(name="a", values=("b", "c"))
        requests = [("a", "b"), ("ab", ""), (("a", "b"),), (one,), (Filter(name="a", values=("b, c",)),), ("a", None)]
        self.assertEqual(len({fingerprint(*request) for request in requests}), len(requests))
        self.assertEqual(fingerprint(one), fingerprint(Filter(name="a", values=("b", "c"))))
