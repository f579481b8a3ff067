"""Logs: their forms, that no value forges a line, and that no failure to write stops anybody."""

import errno
import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.ec2.record import Again, Alike, Pursued
from ec2proxy.observing.audit import KEPT, Audit
from ec2proxy.observing.logs import FORMATS, LogWriter
from ec2proxy.observing.sink import Sink
from tests.observing.support import record


class SinkTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.sink = Sink(str(self.path))
        self.addCleanup(self.sink.close)

    def written(self) -> str:
        """What the file holds, which is then emptied."""
        text = self.path.read_text()
        os.truncate(self.path, 0)
        return text


class SinkTests(SinkTestCase):
    def test_appends(self) -> None:
        """What was there stays, and only the owner and its group may read it."""
        again = Sink(str(self.path))
        self.addCleanup(again.close)
        self.sink.write("one\n")
        again.write("two ☃ \udc80\n")
        self.assertEqual(self.path.read_text(), "one\ntwo ☃ \\udc80\n")
        self.assertEqual(self.path.stat().st_mode & 0o027, 0)

    def test_full(self) -> None:
        """A disk that is full costs the lines that did not fit, and the next line begins anew."""
        room = [5]

        def write(descriptor: int, data: bytes) -> int:
            if not room[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            part = data[: room[0]]
            room[0] -= len(part)
            return os.write(descriptor, part)

        sink = Sink(str(self.path), write)
        self.addCleanup(sink.close)
        sink.write("one\ntwo\nthree\n")
        sink.write("four\n")
        room[0] = 1000
        sink.write("five\n")
        self.assertEqual(self.path.read_text(), "one\nt\nfive\n")
        self.assertGreaterEqual(sink.lost, 3)

    def test_broken_pipe(self) -> None:
        """So does a pipe that nobody reads."""
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        sink = Sink("-", lambda _, data: os.write(writer, data))
        sink.write("lost\n")
        sink.reopen()
        sink.close()
        self.assertEqual(sink.lost, 1)

    def test_rotated(self) -> None:
        """After logrotate has moved the file, the next line is in a new one; a signal brings that about, too."""
        self.sink.write("old\n")
        moved = self.path.with_suffix(".1")
        self.path.rename(moved)
        self.sink.write("new\n")
        self.assertEqual((moved.read_text(), self.path.read_text()), ("old\n", "new\n"))
        self.path.unlink()
        self.sink.reopen()
        self.assertEqual(self.path.read_text(), "")
        self.sink.write("newer\n")
        self.assertEqual(self.path.read_text(), "newer\n")

    def test_cannot_reopen(self) -> None:
        """Where no new file can be made, the old one serves on."""
        directory = Path(self.mktemp())
        directory.mkdir()
        sink = Sink(str(directory / "log"))
        self.addCleanup(sink.close)
        moved = directory.with_suffix(".moved")
        directory.rename(moved)
        sink.reopen()
        sink.write("kept\n")
        self.assertEqual((moved / "log").read_text(), "kept\n")


class FormTests(SinkTestCase):
    def test_text(self) -> None:
        """A line a request, with everything but the query."""
        verifyObject(ILogObserver, LogWriter(self.sink, "text", "info"))
        LogWriter(self.sink, "text", "info").requests([record(source="picture"), record(status=400, error="X")])
        first, second = self.written().splitlines()
        self.assertEqual(
            first,
            "2001-09-09T01:46:40.250Z [ec2proxy.access#info] 192.0.2.1 POST /ec2 200 request_id=r-1 milliseconds=2"
            " action=DescribeInstances principal=AK region=eu-1 error=- source=picture",
        )
        self.assertIn(" 400 ", second)
        self.assertIn(" error=X ", second)

    def test_json(self) -> None:
        """The same as an object."""
        LogWriter(self.sink, "json", "info").requests([record(source="backend")])
        told = json.loads(self.written())
        self.assertEqual(
            (told["time"], told["level"], told["logger"]), ("2001-09-09T01:46:40.250Z", "info", "ec2proxy.access")
        )
        self.assertEqual((told["request_id"], told["principal"], told["action"]), ("r-1", "AK", "DescribeInstances"))
        self.assertEqual((told["region"], told["error"], told["status"]), ("eu-1", "", 200))
        self.assertEqual((told["milliseconds"], told["source"], told["path"]), (2, "backend", "/ec2"))

    def test_again(self) -> None:
        """The line of a request that was like another is no other than if it had been the first, in any form."""
        like = Alike(record(source="picture", seconds=7.0))
        told = [Again(1_000_000_001.5, like, b"r-2", 0.004), record(), Again(1_000_000_002.5, like, b"r-3", 0.001)]
        for form in FORMATS:
            writer = LogWriter(self.sink, form, "info")
            writer.requests(told)
            before = self.written()
            writer.requests([each.record if isinstance(each, Again) else each for each in told])
            self.assertEqual(self.written(), before)

    def test_journal(self) -> None:
        """Each line bears its priority, a traceback's too."""
        writer = LogWriter(self.sink, "journal", "info")
        writer.requests([record()])
        try:
            raise ValueError("what")
        except ValueError:
            failure = Failure()
        writer(
            {
                "log_format": "no {x}",
                "x": 1,
                "log_level": LogLevel.critical,
                "log_namespace": "n",
                "log_failure": failure,
            }
        )
        first, *others = self.written().splitlines()
        self.assertTrue(first.startswith("<6>[ec2proxy.access] 192.0.2.1 POST "), first)
        self.assertEqual(others[0], "<2>[n] no 1")
        self.assertTrue(all(line.startswith("<2>[n] ") for line in others), others)
        self.assertIn("ValueError: what", others[-1] + others[-2])

    def test_level(self) -> None:
        """What is below the level is not written, a request's line neither."""
        writer = LogWriter(self.sink, "text", "warn")
        writer({"log_format": "little", "log_level": LogLevel.info})
        writer.requests([record()])
        self.assertEqual(self.written(), "")
        writer({"log_format": "much", "log_level": LogLevel.warn, "log_time": 0.0})
        self.assertEqual(self.written(), "1970-01-01T00:00:00.000Z [-#warn] much\n")

    def test_chatty(self) -> None:
        """That a connection to a backend begins and ends is for who looks for faults."""
        event = {"log_format": "x", "log_level": LogLevel.info, "log_time": 0.0}
        event["log_namespace"] = "twisted.web.client._HTTP11ClientFactory"
        LogWriter(self.sink, "text", "info")(event)
        self.assertEqual(self.written(), "")
        LogWriter(self.sink, "text", "debug")(event)
        self.assertIn("#debug] x", self.written())

    def test_no_query(self) -> None:
        """A query holds signatures; no form shows it."""
        for form in FORMATS:
            LogWriter(self.sink, form, "info").requests([record()])
            self.assertNotIn("tOpSeCrEt", self.written())

    @given(st.text(), st.binary(), st.sampled_from(FORMATS))
    def test_no_forgery(self, value: str, raw: bytes, form: str) -> None:
        """Whatever a client sends, its request is one line of printable text."""
        LogWriter(self.sink, form, "info").requests([record(principal=value, region=value, method=raw, target=raw)])
        data = self.path.read_bytes()
        os.truncate(self.path, 0)
        self.assertEqual(data.count(b"\n"), 1)
        text = data[:-1].decode()
        self.assertEqual(text.splitlines(), [text])
        self.assertTrue(all(character >= " " and character != "\x7f" for character in text), text)

    @given(st.text(), st.sampled_from(("text", "json", "journal")))
    def test_no_forged_event(self, value: str, form: str) -> None:
        """Nor does a value in an event begin a line that looks like another event's."""
        writer = LogWriter(self.sink, form, "info")
        writer({"log_format": "{value}", "value": value, "log_time": 1.0, "log_namespace": "n"})
        lines = self.path.read_bytes().decode().split("\n")
        os.truncate(self.path, 0)
        self.assertEqual(lines.pop(), "")
        for number, line in enumerate(lines):
            self.assertEqual(line.splitlines() or [""], [line])
            if form == "text" and number:
                self.assertTrue(line.startswith("\t"), line)
            elif form == "journal":
                self.assertTrue(line.startswith("<6>[n] "), line)


class AuditTests(SinkTestCase):
    def test_entry(self) -> None:
        """When, who, from where, what, on which, where, and what came of it."""
        audit = Audit(self.sink)
        audit.note(record(changes=True, action="StopInstances", resources=("i-1", "i-2")))
        entry = json.loads(self.written())
        self.assertEqual(
            entry,
            {
                "time": "2001-09-09T01:46:40.250Z",
                "request_id": "r-1",
                "principal": "AK",
                "client": "192.0.2.1",
                "region": "eu",
                "action": "StopInstances",
                "resources": ["i-1", "i-2"],
                "result": "done",
                "error": "",
                "milliseconds": 2,
            },
        )
        self.assertEqual(audit.last(), [entry])

    def test_results(self) -> None:
        """What was refused, what failed, and what nobody waited for are told apart; what was only tried is not told."""
        audit = Audit()
        for status, error in ((400, "X"), (503, "Y"), (499, ""), (412, "DryRunOperation")):
            audit.note(record(changes=True, status=status, error=error))
        audit.note(record())
        results = [(entry["result"], entry["error"]) for entry in audit.last()]
        self.assertEqual(results, [("unknown", ""), ("failed", "Y"), ("refused", "X")])
        self.assertEqual(audit.lost, 0)
        audit.reopen()

    def test_later(self) -> None:
        """What is done after the answer names the request that it is done for, and the step."""
        audit = Audit(self.sink)
        done = Pursued(1_000_000_000.25, "eu", "r-1", "AK", "TerminateInstances", "i-1", "destroy", 0.04, "")
        for error in ("", "BackendTimeout", "CancelledError"):
            audit.note_later(done._replace(error=error))
        self.assertEqual([entry["result"] for entry in audit.last()], ["unknown", "failed", "done"])
        entry = audit.last()[-1]
        self.assertEqual(json.loads(self.written().splitlines()[0]), entry)
        expected = {
            "time": "2001-09-09T01:46:40.250Z",
            "request_id": "r-1",
            "principal": "AK",
            "client": "",
            "region": "eu",
            "action": "TerminateInstances",
            "step": "destroy",
            "resources": ["i-1"],
            "result": "done",
            "error": "",
            "milliseconds": 40,
        }
        self.assertEqual(entry, expected)

    def test_bounded(self) -> None:
        """The last ones are kept, the newest first."""
        audit = Audit(self.sink)
        for number in range(KEPT + 5):
            audit.note(record(changes=True, resources=(str(number),)))
        self.assertEqual([entry["resources"] for entry in audit.last()][:2], [[str(KEPT + 4)], [str(KEPT + 3)]])
        self.assertEqual(len(audit.last()), KEPT)
        audit.reopen()
        self.assertEqual(audit.lost, 0)
