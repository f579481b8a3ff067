"""What clients can have kept: short answers to long questions count by their questions, too."""

from base64 import b64encode
from urllib.parse import urlencode

from ec2proxy.actions.polls import Polls
from ec2proxy.ec2.request import RawRequest
from tests.actions.test_polls import PollTestCase

BASIC = (b"authorization", b"Basic " + b64encode(b"mockuser:mockpassword"))


class BoundsTests(PollTestCase):
    def ask(self, number: int, values: int = 1, host: bytes = b"a", path: bytes = b"/") -> int:
        """Ask for what is not there, each time for something else; give how long the question is."""
        form = {f"Filter.1.Value.{each}": f"nothing-{number}-{each}" for each in range(1, values + 1)}
        asked = urlencode(
            {"Action": "DescribeInstances", "Version": "2016-11-15", "Filter.1.Name": "instance-id", **form}
        )
        self.answer(RawRequest("POST", path, b"", (BASIC, (b"host", host)), asked.encode()))
        return len(asked) + len(host) + len(path)

    def assert_bounded(self, **about: object) -> None:
        """So many of those are asked that what is kept of them would take twice what may be taken."""
        length = self.ask(0, **about)  # type: ignore[arg-type]
        self.service._polls = Polls(25 * length)
        for number in range(50):
            self.ask(number, **about)  # type: ignore[arg-type]
        self.assertLessEqual(len(self.kept()), 25)

    def test_questions(self) -> None:
        """Filters with many values."""
        self.assert_bounded(values=100)

    def test_hosts(self) -> None:
        """Any host's name, which nobody signs who uses Basic."""
        self.assert_bounded(host=b"h" * 20_000)

    def test_paths(self) -> None:
        """Any path."""
        self.assert_bounded(path=b"/" + b"p" * 20_000)

    def test_told(self) -> None:
        """How much is kept is told."""
        self.ask(0)
        before = dict(self.service.kept())
        self.assertGreater(before["questions",], 0)
        self.assertGreater(before["answers",], before["questions",])
        self.answer(self.poll())
        self.assertGreater(dict(self.service.kept())["fragments",], 0)
