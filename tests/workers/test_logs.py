"""A worker's log arrives as it was."""

import json

from twisted.logger import Logger, LogPublisher, formatEvent, formatEventAsClassicLogText
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.workers.logs import Forwarding, forwarded


class LogsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.here: list[dict[str, object]] = []
        self.there: list[dict[str, object]] = []
        write = forwarded(2, LogPublisher(self.there.append))
        sending = Forwarding(lambda sent: write(json.loads(json.dumps(sent))))
        self.log = Logger("ec2proxy.some", observer=LogPublisher(self.here.append, sending))

    def test_same(self) -> None:
        """Text, level, time and place are the same there as here, whatever was put into it."""
        self.log.warn(
            "{count} of {what.__name__}: {text!r} {{}} {thing}", count=3, what=str, text="{é}\n", thing=object
        )
        self.assertEqual(formatEvent(self.there[0]), formatEvent(self.here[0]))
        for key in ("log_level", "log_time", "log_namespace"):
            self.assertEqual(self.there[0][key], self.here[0][key])
        self.assertEqual(self.there[0]["worker"], 2)

    def test_failure(self) -> None:
        """A failure comes with its traceback."""
        try:
            raise ValueError("no")
        except ValueError:
            self.log.failure("It went wrong")
        text = formatEventAsClassicLogText(self.there[0])
        self.assertIn("It went wrong\n\tTraceback", text)
        self.assertIn("ValueError: no", text)

    def test_bare(self) -> None:
        """An event that lacks what Twisted's Logger gives each arrives, too."""
        Forwarding(forwarded(1, self.there.append))({"log_format": "it"})
        self.assertEqual((formatEvent(self.there[0]), self.there[0]["log_level"].name), ("it", "info"))
