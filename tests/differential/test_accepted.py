"""What makes the comparison fail, and the documentation's table."""

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions import registry
from tests.differential import accepted
from tests.differential.accepted import Accepted
from tests.differential.cases import CASES
from tests.differential.shapes import Difference, Outcome, differences, shape


class DifferencesTests(SynchronousTestCase):
    """What two outcomes do not have in common."""

    def test_shapes(self) -> None:
        """Elements of a list are taken together; values do not count."""
        self.assertEqual(
            shape({"A": [{"B": 1}, {"C": "x"}], "D": []}),
            {"A": "list", "A[]": "dict", "A[].B": "int", "A[].C": "str", "D": "list"},
        )

    def test_elements(self) -> None:
        """Of an element that is only on one side, what is inside is not told."""
        moto = Outcome(200, "", shape({"A": {"B": {"C": 1}}, "D": 1}))
        ours = Outcome(200, "", shape({"A": {}, "D": "1", "E": True}))
        self.assertEqual(
            [*differences("Do", "it", moto, ours)],
            [
                Difference("Do", "A.B", "dict", "absent"),
                Difference("Do", "D", "int", "str"),
                Difference("Do", "E", "absent", "bool"),
            ],
        )

    def test_outcomes(self) -> None:
        """Another code or status is all that is told."""
        moto, ours = Outcome(200, "", {"A": "str"}), Outcome(400, "Invalid", {})
        self.assertEqual(
            [*differences("Do", "it", moto, ours)], [Difference("Do", "it", "success (200)", "Invalid (400)")]
        )
        self.assertEqual([*differences("Do", "it", ours, ours)], [])


class JudgeTests(SynchronousTestCase):
    """What has no reason, and what reason has nothing."""

    def test_explained(self) -> None:
        """A pattern explains what it matches, and brackets are brackets."""
        entry = Accepted(["Do"], ["A[].*"], "*", "absent", "")
        self.assertEqual(accepted.judge({Difference("Do", "A[].B", "str", "absent")}, [entry]), ([], []))

    def test_unexplained(self) -> None:
        """Another action, path or outcome is not explained, and each pair of an entry has to be of use."""
        entry = Accepted(["Do", "Undo"], ["A[].*"], "str", "absent", "")
        found = [
            Difference("Do", "A[].B", "int", "absent"),
            Difference("Do", "A[].B", "str", "int"),
            Difference("Do", "AB", "str", "absent"),
            Difference("Redo", "A[].B", "str", "absent"),
        ]
        used = Difference("Do", "A[].B", "str", "absent")
        self.assertEqual(accepted.judge([*found, used], [entry]), (sorted(found), ["Undo: A[].* (str -> absent)"]))


class DocumentationTests(SynchronousTestCase):
    """What is committed."""

    def test_table(self) -> None:
        """The documentation shows the differences that are accepted."""
        entries = accepted.load()
        self.assertTrue(all(entry.reason for entry in entries))
        self.assertEqual(accepted.page(entries), accepted.PAGE.read_text("utf-8"))

    def test_cases(self) -> None:
        """Every action is compared."""
        self.assertEqual({*registry.load()} - {case.action for case in CASES}, set())
