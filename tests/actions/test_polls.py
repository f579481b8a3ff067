"""Polls: what is kept of answers, how long it holds, and that it never tells anything else than a new answer would."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from ec2proxy.actions.fragments import Fragments
from ec2proxy.actions.polls import Polls
from ec2proxy.actions.questions import Questions
from ec2proxy.cloud.watch import TIDY_SECONDS, TOMBSTONE_SECONDS
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.state.memory import MemoryStateStore
from tests.actions.support import ACTIONS, ActionTestCase, basic
from tests.ec2.properties import unhurried
from tests.ec2.signers import v2_of, v4

#: Describe actions whose answers are not kept, as their classes say why.
NEVER_KEPT = {"DescribeInstanceAttribute", "DescribeRegions"}


class SlowStore(MemoryStateStore):
    """Takes as long to store as a test wants."""

    waits_for: "Deferred[None] | None" = None

    async def change(self, *args: Any) -> bool:
        if self.waits_for is not None:
            await self.waits_for
        return await super().change(*args)


class PollTestCase(ActionTestCase):
    def poll(self, *, user: str = "mockuser", **params: str) -> RawRequest:
        """A request for DescribeInstances that asks with the same bytes each time."""
        return basic(("Action", "DescribeInstances"), *params.items(), user=user)

    def at_once(self, request: RawRequest) -> bytes | None:
        """The answer if it is there at once, else None."""
        answer = self.service.perform(request, Trace("another"))
        if isinstance(answer, bytes):
            return answer
        answer.close()
        return None

    def answer(self, request: RawRequest) -> bytes:
        """The answer, after all that it takes."""
        heard = self.successResultOf(self.perform(request))
        self.assertEqual(heard.status, 200, heard.body)
        return heard.body.replace(self.trace.request_id.encode(), b"another")

    def anew(self, request: RawRequest) -> bytes:
        """The answer of a service that has kept nothing."""
        self.service._polls, self.service._fragments, before = (
            Polls(),
            Fragments(),
            (self.service._polls, self.service._fragments),
        )
        try:
            return self.answer(request)
        finally:
            self.service._polls, self.service._fragments = before

    def kept(self) -> list[object]:
        return [slot.value for slot in self.service._polls._kept._kept.values()]

    def turn(self, instance_id: str, state: str) -> None:
        """Have an instance change its state behind our back, if it is there."""
        instance = self.mock.instances.get(instance_id)
        if instance is not None:
            self.mock.instances.add(evolve(instance, state=state))

    def check(self, request: RawRequest) -> None:
        """See that an answer that is kept is what a new one would be."""
        kept = self.at_once(request)
        if kept is not None:
            self.assertEqual(kept, self.anew(request))


class KeptTests(PollTestCase):
    def test_at_once(self) -> None:
        """The second answer is there at once, and differs in nothing but the request's id."""
        first = self.answer(self.poll())
        self.assertEqual(self.at_once(self.poll()), first)
        self.assertIn(b"<requestId>another</requestId>", first)
        self.assertEqual(self.sent().count("GET /api/instances"), 1)

    def test_any_signature(self) -> None:
        """Who asks is proved each time, also where the answer is kept."""
        form = {"Action": "DescribeInstances", "Version": "2016-11-15"}

        def signed(secret: str = "mockpassword") -> RawRequest:
            return v4(form, at=self.clock.seconds(), key="mockuser", secret=secret)

        self.answer(signed())
        self.assertIsNotNone(self.at_once(signed()))
        self.told("SignatureDoesNotMatch", self.successResultOf(self.perform(signed("wrong"))), 403)
        changed = evolve(signed(), body=b"Version=2016-11-15&Action=DescribeInstances")
        self.told("SignatureDoesNotMatch", self.successResultOf(self.perform(changed)), 403)
        self.clock.advance(0.5)
        unsigned = signed()
        headers = tuple(pair for pair in unsigned.headers if pair[0] != b"authorization")
        nobody = RawRequest("POST", unsigned.path, b"", headers, unsigned.body)
        self.told("MissingAuthenticationToken", self.successResultOf(self.perform(nobody)), 403)

    def test_nobody_else_s(self) -> None:
        """Another user, password, region, host, path or version never gets it."""
        self.answer(self.poll())
        mine = self.poll()
        headers = ((b"host", b"elsewhere"), *mine.headers[1:])
        for other in (
            self.poll(user="other"),
            self.poll(user="wrong"),
            RawRequest("GET", b"/elsewhere", mine.query, mine.headers, b""),
            RawRequest("GET", mine.path, mine.query, headers, b""),
            basic(("Action", "DescribeInstances"), version="2010-08-31"),
            v4({"Action": "DescribeInstances"}, at=self.clock.seconds(), key="mockuser", secret="mockpassword"),
        ):
            self.assertIsNone(self.at_once(other))
        self.assertIsNotNone(self.at_once(mine))

    def test_freshness(self) -> None:
        """It is never older than the freshness; where nothing has changed then, it is used again."""
        self.answer(self.poll())
        (kept,) = self.kept()
        self.clock.advance(1)
        self.assertIsNone(self.at_once(self.poll()))
        self.answer(self.poll())
        self.assertEqual(self.sent().count("GET /api/instances"), 2)
        self.assertEqual(self.kept(), [kept])
        self.assertIsNotNone(self.at_once(self.poll()))

    def test_refreshed_by_others(self) -> None:
        """A refresh that another question brought serves this one at once, if it showed the same."""
        self.answer(self.poll())
        self.clock.advance(1.5)
        self.call("DescribeInstanceStatus")
        self.assertIsNotNone(self.at_once(self.poll()))
        self.clock.advance(1.5)
        self.turn("inst1", "STOPPED")
        self.call("DescribeInstanceStatus")
        self.assertIsNone(self.at_once(self.poll()))

    def test_clock_put_back(self) -> None:
        """Nothing that seems to have been seen later than now is told."""
        self.answer(self.poll())
        self.clock.rightNow -= 10
        self.assertIsNone(self.at_once(self.poll()))

    def test_writes(self) -> None:
        """After any write the next answer shows it."""
        self.make(machine="ec2")
        for action, params in (
            ("CreateTags", {"Resources": ["inst0"], "Tags": [{"Key": "a", "Value": "b"}]}),
            ("StopInstances", {"InstanceIds": ["inst0"]}),
            ("RunInstances", {"ImageId": "img1", "MinCount": 1, "MaxCount": 1}),
            ("TerminateInstances", {"InstanceIds": ["inst1"]}),
            ("DeleteTags", {"Resources": ["inst0"]}),
        ):
            self.answer(self.poll())
            before = self.at_once(self.poll())
            self.assertIsNotNone(before)
            self.call(action, **params)
            self.assertNotEqual(self.answer(self.poll()), before, action)
            self.check(self.poll())

    def test_other_worker(self) -> None:
        """A write that another process tells of by its epoch ends it, too."""
        for collection in ("instances", "ledger", "images"):
            self.answer(self.poll())
            self.assertIsNotNone(self.at_once(self.poll()))
            self.cloud.epochs.bump(f"deltacloud/mockuser/{collection}")
            if collection != "ledger":
                self.assertIsNone(self.at_once(self.poll()), collection)

    def test_change_on_its_way(self) -> None:
        """What is remembered but not stored yet ends it, too: memory is what answers are made from."""
        store, stored = SlowStore(), Deferred()
        self.make(store=store)
        self.answer(self.poll())
        store.waits_for = stored
        tagging = self.begin("CreateTags", Resources=["inst0"], Tags=[{"Key": "a", "Value": "b"}])
        self.assertNoResult(tagging)
        self.assertIsNone(self.at_once(self.poll()))
        stored.callback(None)
        self.assertEqual(self.successResultOf(tagging).status, 200)

    def test_tombstones(self) -> None:
        """A terminated instance vanishes in its time, whoever asks how often."""
        self.make(machine="ec2", freshness=10 * TOMBSTONE_SECONDS)
        self.call("TerminateInstances", InstanceIds=["inst0"])
        self.later(60)
        for _ in range(int(TOMBSTONE_SECONDS / TIDY_SECONDS) + 3):
            self.check(self.poll())
            gone = b"<instanceId>inst0</instanceId>" not in self.answer(self.poll())
            self.clock.advance(TIDY_SECONDS)
        self.assertTrue(gone)

    def test_errors(self) -> None:
        """Errors are not kept."""
        self.refused("InvalidInstanceID.NotFound", "DescribeInstances", InstanceIds=["nosuch"])
        self.assertEqual(self.kept(), [])
        self.clock.advance(2)
        self.mock.trouble.answer(503, b"", path="*", times=None)
        self.told("Unavailable", self.successResultOf(self.perform(self.poll())), 503)
        self.assertEqual(self.kept(), [])

    def test_ahead(self) -> None:
        """Where a list takes long, the next is fetched in time: who polls all the time waits for the first alone."""
        self.mock.trouble.delay(0.3, path="/api/instances", times=None)
        first = self.perform(self.poll())
        self.later(1, 0.1)
        self.successResultOf(first)
        self.later(1, 0.1)
        first = self.perform(self.poll())
        self.later(0.5, 0.1)
        self.successResultOf(first)
        before, states = self.sent().count("GET /api/instances"), []
        for turn in range(60):
            if turn == 20:
                self.turn("inst0", "STOPPED")
            # It is there without that any time passes.
            answer = self.answer(self.poll())
            states.append(b"<name>stopped</name>" in answer)
            self.later(0.1, 0.1)
        self.assertLessEqual(states.index(True), 31)
        self.assertLessEqual(self.sent().count("GET /api/instances") - before, 12)

    def test_not_ahead(self) -> None:
        """A list that is fetched fast is fetched when it is too old, and one that nobody asks for is not."""
        self.mock.trouble.delay(0.1, path="/api/instances", times=None)
        for _ in range(50):
            self.perform(self.poll())
            self.later(0.2, 0.1)
        self.assertLessEqual(self.sent().count("GET /api/instances"), 11)
        self.mock.trouble.clear()
        self.mock.trouble.delay(0.4, path="/api/instances", times=None)
        self.later(2, 0.1)
        before = self.sent().count("GET /api/instances")
        self.perform(self.poll())
        self.later(30, 0.1)
        self.assertEqual(self.sent().count("GET /api/instances"), before + 1)


class QuestionTests(PollTestCase):
    def known(self) -> int:
        return len(self.service._questions._known)

    def test_polls_only(self) -> None:
        """Nothing is remembered of what changes something, of secrets, and of signatures in parameters."""
        self.call("StopInstances", InstanceIds=["inst0"])
        self.call("DescribeInstanceAttribute", InstanceId="inst1", Attribute="userData")
        form = {"Action": "DescribeInstances", "Version": "2016-11-15"}
        at = self.clock.seconds()
        signature = {"AWSAccessKeyId": "mockuser", "SignatureVersion": "2", "SignatureMethod": "HmacSHA256"}
        expires = f"{datetime.fromtimestamp(at + 60, UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.answer(v2_of({**form, **signature, "Expires": expires}, "mockpassword"))
        self.refused("InvalidParameterValue", "DescribeInstances", MaxResults=1)
        self.assertEqual(self.known(), 0)
        self.call("DescribeInstances")
        self.assertEqual(self.known(), 1)

    def test_same_bytes_other_kind(self) -> None:
        """The same bytes sent otherwise are judged anew."""
        form = {"Action": "DescribeInstances", "Version": "2016-11-15"}
        request = v4(form, at=self.clock.seconds(), key="mockuser", secret="mockpassword")
        self.answer(request)
        headers = tuple((name, b"text/plain" if name == b"content-type" else value) for name, value in request.headers)
        wrong = RawRequest("POST", b"/", b"", headers, request.body)
        self.told("InvalidRequest", self.successResultOf(self.perform(wrong)))
        self.told(
            "InvalidRequest",
            self.successResultOf(self.perform(RawRequest("PUT", b"/", b"", request.headers, request.body))),
        )

    def test_bounded(self) -> None:
        """It takes no more room than it was given, and long requests none."""
        self.service._questions = Questions(20_000)
        for number in range(100):
            self.answer(self.poll(**{"Filter.1.Name": "instance-id", "Filter.1.Value.1": f"inst{number}"}))
        self.assertLess(0, self.known())
        self.assertLessEqual(self.service._questions._known.bytes, 20_000)
        self.service._questions = Questions()
        many = {f"Filter.1.Value.{number}": "x" * 200 for number in range(100)}
        self.answer(self.poll(**{"Filter.1.Name": "instance-id", **many}))
        self.assertEqual(self.known(), 0)

    def test_blanks(self) -> None:
        """Blanks in a Content-Type, which make no difference to what is asked, count as well."""
        self.service._questions = Questions(50_000)
        form = {"Action": "DescribeInstances", "Version": "2016-11-15"}
        request = v4(form, at=self.clock.seconds(), key="mockuser", secret="mockpassword")
        basic = (b"authorization", b"Basic " + b64encode(b"mockuser:mockpassword"))
        for length in (*range(10_000, 10_020), 100_000):
            kind = (b"content-type", b"application/x-www-form-urlencoded%b;" % (b" " * length))
            self.answer(RawRequest("POST", b"/", b"", (basic, kind), request.body))
        self.assertEqual(self.known(), 4)

    def test_every_action(self) -> None:
        """Each action that describes something is a poll, but for some."""
        polls = {name for name, action in ACTIONS.items() if action.POLL}
        self.assertEqual(polls, {name for name in ACTIONS if name.startswith("Describe")} - NEVER_KEPT)


class TogetherTests(PollTestCase):
    def test_once_for_all(self) -> None:
        """Who asks the same at the same time is answered from one call; who leaves leaves the others alone."""
        self.mock.trouble.delay(1, path="/api/instances", times=None)
        waiting = [self.perform(self.poll()) for _ in range(3)]
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        self.later(5)
        self.assertEqual([self.successResultOf(each).status for each in waiting[1:]], [200, 200])
        self.assertEqual(self.sent().count("GET /api/instances"), 1)

    def test_write_meanwhile(self) -> None:
        """Who asks after a write is not given what was begun before it."""
        self.make(machine="ec2")
        self.mock.trouble.delay(1, path="/api/images", times=1)
        early = self.perform(self.poll())
        self.assertNoResult(early)
        self.call("CreateTags", Resources=["inst0"], Tags=[{"Key": "a", "Value": "new"}])
        late: Deferred = self.perform(self.poll())
        self.later(5)
        self.assertEqual(self.successResultOf(early).status, 200)
        self.assertIn(b"<value>new</value>", self.successResultOf(late).body)

    def test_failure_is_the_first_one_s(self) -> None:
        """Who asked while a call was under way that fails, has one made for itself."""
        self.mock.trouble.never_answer(path="/api/instances", times=1)
        self.restart(timeout=3)
        waiting = [self.perform(self.poll()) for _ in range(2)]
        self.later(10)
        self.assertEqual(self.successResultOf(waiting[0]).status, 503)
        self.assertIn(self.successResultOf(waiting[1]).status, (200, 503))


STEPS = st.lists(
    st.sampled_from(["poll", "refresh", "state", "tag", "untag", "run", "terminate", "stop", "image", "minute"]),
    max_size=12,
)


class SameTests(PollTestCase):
    @settings(unhurried, max_examples=15)
    @given(STEPS)
    def test_as_made_anew(self, steps: list[str]) -> None:
        """Whatever happens, an answer is byte for byte what a service would say that has kept nothing."""
        self.make(machine="ec2")
        polls = [
            self.poll(),
            self.poll(**{"InstanceId.1": "inst1"}),
            self.poll(**{"InstanceId.1": "inst0"}),
            self.poll(**{"Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "running"}),
            self.poll(**{"Filter.1.Name": "tag:a", "Filter.1.Value.1": "b"}),
            self.poll(MaxResults="5"),
        ]
        for number, step in enumerate(steps):
            self.happen(step, number)
            for poll in polls:
                try:
                    answer = self.answer(poll)
                except self.failureException:
                    continue
                self.assertEqual(answer, self.anew(poll), step)
                self.check(poll)

    def happen(self, step: str, number: int) -> None:
        if step == "refresh":
            self.later(1.5)
        elif step == "minute":
            self.later(TIDY_SECONDS + 1)
        elif step == "state":
            self.turn("inst1", ("RUNNING", "STOPPED")[number % 2])
        elif step == "image":
            self.mock.images.pop("img3", None)
        elif step in ("tag", "untag"):
            action = "CreateTags" if step == "tag" else "DeleteTags"
            form = {"ResourceId.1": "inst1", "Tag.1.Key": "a", "Tag.1.Value": "b"}
            self.ask(("Action", action), *form.items())
        elif step == "run":
            self.run_one()
        elif step in ("stop", "terminate"):
            self.ask(("Action", f"{step.title()}Instances"), ("InstanceId.1", "inst1"))
