"""Backends on a bad day: slow, hung, foreign, broken off, too long. No traceback, no hang, no secret."""

import gzip
import tracemalloc
import zlib

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError
from twisted.web.resource import Resource

from ec2proxy import errors
from tests.drivers.support import CONCURRENCY, MINE, SPEC, DriverTestCase, recording


class SlowTests(DriverTestCase):
    """One limit on the time of a whole exchange."""

    def setUp(self):
        self.make(timeout=60)

    def listing(self):
        """A list, asked for."""
        return self.begin(self.driver.instances.list(MINE))

    def test_slow(self):
        """An answer within the time is an answer, and leaves no timer behind."""
        self.cloud.trouble.delay(59)
        listing = self.listing()
        self.later(58)
        self.assertNoResult(listing)
        self.later(1)
        self.assertEqual(4, len(self.successResultOf(listing)))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_hung_at_headers(self):
        """No answer at all."""
        self.cloud.trouble.never_answer()
        listing = self.listing()
        self.later(59)
        self.assertNoResult(listing)
        self.later(1)
        error = self.failureResultOf(listing, errors.BackendTimeout).value
        self.assertEqual(("the backend did not answer within 60 seconds", False), (str(error), error.ambiguous))

    def test_hung_in_body(self):
        """The limit does not end at the headers; a trickle does not lengthen it."""
        self.cloud.trouble.drip(10, 1)
        listing = self.listing()
        self.later(59)
        self.assertNoResult(listing)
        self.later(1)
        self.failureResultOf(listing, errors.BackendTimeout)
        self.later(5)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_ambiguous(self):
        """A change that was sent and not answered may have been made."""
        self.done(self.driver.capabilities(MINE))
        for call, method in (
            (lambda: self.driver.instances.create(MINE, SPEC), "POST"),
            (lambda: self.driver.instances.stop(MINE, "inst1"), "POST"),
            (lambda: self.driver.keys.create(MINE, "k"), "POST"),
            (lambda: self.driver.instances.destroy(MINE, "inst1"), "DELETE"),
        ):
            self.cloud.trouble.lose_answer(silent=True, method=method)
            late = self.begin(call())
            self.later(60)
            self.assertTrue(self.failureResultOf(late, errors.BackendTimeout).value.ambiguous)

    def test_bounded(self):
        """Only so many exchanges are under way; one that is given up makes room."""
        self.cloud.trouble.never_answer(times=None)
        calls = [self.listing() for _ in range(CONCURRENCY + 2)]
        self.assertEqual(CONCURRENCY, len(self.cloud.requests))
        calls[-1].cancel()
        self.assertEqual(CONCURRENCY, len(self.cloud.requests))
        calls[0].cancel()
        self.assertEqual(CONCURRENCY + 1, len(self.cloud.requests))
        for call in (calls.pop(0), calls.pop()):
            self.failureResultOf(call, CancelledError)
        self.later(60)
        for call in calls:
            self.failureResultOf(call, errors.BackendTimeout)

    def test_waiting_counts(self):
        """Waiting for one's turn is part of the time; begun too late, a change would only end in doubt."""
        self.done(self.driver.capabilities(MINE))
        self.cloud.trouble.never_answer(times=None)
        calls = [self.listing() for _ in range(CONCURRENCY)]
        self.later(20)
        early = self.begin(self.driver.keys.create(MINE, "early"))
        self.later(20)
        late = self.begin(self.driver.keys.create(MINE, "late"))
        self.assertNotIn(("POST", "/api/keys"), self.sent())
        self.later(20)
        for call in calls:
            self.failureResultOf(call, errors.BackendTimeout)
        error = self.failureResultOf(early, errors.BackendTimeout).value
        self.assertEqual(("the backend is too busy to be asked", False), (str(error), error.ambiguous))
        self.assertEqual(1, self.sent().count(("POST", "/api/keys")))
        self.later(39)
        self.assertNoResult(late)
        self.later(1)
        self.assertTrue(self.failureResultOf(late, errors.BackendTimeout).value.ambiguous)

    def test_crowd(self):
        """However many wait, whether they are answered at once or turned away at once, none is lost."""
        self.make(timeout=60, machine="mock", without=["instances"])
        for seconds, kind in ((10, errors.Unsupported), (40, errors.BackendTimeout)):
            self.cloud.trouble.delay(seconds, times=CONCURRENCY)
            under_way = [self.listing() for _ in range(CONCURRENCY)]
            crowd = [self.begin(self.driver.instances.list(MINE)) for _ in range(1000)]
            self.later(seconds, step=seconds)
            for call in under_way:
                self.failureResultOf(call, errors.Unsupported)
            for call in crowd:
                self.failureResultOf(call, kind)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.refused(errors.Unsupported, self.driver.instances.list(MINE))

    def test_fair(self):
        """Turns go in the order of asking."""
        self.cloud.trouble.delay(1, times=None)
        calls = [self.begin(self.driver.instances.get(MINE, f"i{number}")) for number in range(2 * CONCURRENCY)]
        self.later(3)
        for call in calls:
            self.failureResultOf(call, errors.NotFound)
        self.assertEqual(
            [f"/api/instances/i{number}" for number in range(2 * CONCURRENCY)], [path for _, path in self.sent()]
        )

    def test_cancelled_anywhere(self):
        """A caller who goes away ends the exchange: in the queue, before the headers, in the body."""
        for trouble in (self.cloud.trouble.never_answer, lambda: self.cloud.trouble.drip(10, 1)):
            for _ in range(CONCURRENCY + 5):
                trouble()
                listing = self.listing()
                self.later(1)
                listing.cancel()
                self.failureResultOf(listing, CancelledError)
                self.cloud.trouble.clear()
        self.later(2)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(4, len(self.done(self.driver.instances.list(MINE))))


class BrokenTests(DriverTestCase):
    """Answers that are broken off, foreign, or too long."""

    def test_no_answer(self):
        """The connection is lost before the answer."""
        self.cloud.trouble.lose_answer()
        self.assertFalse(self.refused(errors.BackendUnavailable, self.driver.instances.list(MINE)).ambiguous)
        self.cloud.trouble.lose_answer()
        self.assertTrue(self.refused(errors.BackendUnavailable, self.driver.keys.create(MINE, "k")).ambiguous)
        self.assertEqual(2, len(self.cloud.requests))

    def test_cut_body(self):
        """The connection is lost within the body."""
        self.cloud.trouble.cut(0.5)
        self.refused(errors.BackendUnavailable, self.driver.instances.list(MINE))
        self.cloud.trouble.cut(0.5)
        self.assertTrue(self.refused(errors.BackendUnavailable, self.driver.keys.create(MINE, "k")).ambiguous)

    def test_foreign(self):
        """A page of HTML, also with 200; an entity bomb; half a document with its length."""
        for body in (b"<html></html>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><instances>&a;</instances>", b"<instances>"):
            self.cloud.trouble.answer(200, body)
            self.refused(errors.BackendError, self.driver.instances.list(MINE))
        self.cloud.trouble.html(200)
        self.assertTrue(self.refused(errors.BackendError, self.driver.instances.stop(MINE, "inst1")).ambiguous)
        self.cloud.trouble.html(503)
        self.assertEqual("Sign in", str(self.refused(errors.BackendUnavailable, self.driver.realms.list(MINE))))

    def test_foreign_answer_to_a_destruction(self):
        """A page, whatever its status says, tells nothing of what became of the object; a document about it does."""
        for destroy, kind in (
            (self.driver.instances.destroy, "instance"),
            (self.driver.keys.destroy, "key"),
            (self.driver.images.destroy, "image"),
        ):
            for body in (b"<!DOCTYPE html><html><br></html>", b"<html/>", b"Done.", b"<error status='500'/>"):
                self.cloud.trouble.answer(200, body, method="DELETE")
                error = self.refused(errors.BackendError, destroy(MINE, "x"))
                self.assertTrue(error.ambiguous)
            self.cloud.trouble.answer(200, f"<{kind} id='x'/>".encode(), method="DELETE")
            self.done(destroy(MINE, "x"))

    def test_backtrace(self):
        """A backtrace of 90 KB is received and not passed on."""
        self.cloud.trouble.backtrace()
        error = self.refused(errors.BackendError, self.driver.realms.list(MINE))
        self.assertEqual("DeltacloudErrorMessage", str(error))

    def test_endless_body(self):
        """A body without end is dropped at the limit, long before the time is up."""
        self.make(max_body=100_000)
        self.cloud.trouble.drip(10_000, 1, endless=True)
        listing = self.begin(self.driver.instances.list(MINE))
        self.later(12)
        self.assertIn("too long", str(self.failureResultOf(listing, errors.BackendError).value))
        self.later(2)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_size_limit(self):
        """The limit itself is allowed."""
        body = recording("05")[1]
        self.make(max_body=len(body))
        self.cloud.trouble.answer(200, body)
        self.done(self.driver.realms.list(MINE))
        self.make(max_body=len(body) - 1)
        self.cloud.trouble.answer(200, body)
        self.refused(errors.BackendError, self.driver.realms.list(MINE))

    def test_ten_thousand(self):
        """A large cloud."""
        self.cloud.seed(9_996)
        found = self.done_in_turns(self.driver.instances.list(MINE))
        self.assertEqual(10_000, len({one.id for one in found}))

    def test_no_secrets(self):
        """No error holds a password, user data or what was in a form."""
        self.make(features=["user_data"])
        spec = SPEC.__class__("img1", user_data="c2VjcmV0")
        for status in (400, 401, 403, 404, 405, 500, 502):
            self.cloud.trouble.backtrace(status, "no", method="POST")
            error = self.failureResultOf(self.begin(self.driver.instances.create(MINE, spec)))
            text = f"{error!r} {error.value!r} {error.getTraceback()}"
            self.assertNotIn(MINE.password, text)
            self.assertNotIn("c2VjcmV0", text)


class ZipTests(DriverTestCase):
    """Bodies packed with gzip."""

    def zipped(self, body, **backend):
        """A driver before a server that answers everything with this body, said to be gzip's."""
        page = Resource()
        page.isLeaf = True

        def render(request):
            request.setHeader(b"Content-Encoding", b"gzip")
            request.setHeader(b"Content-Length", b"%d" % len(body))
            return body

        page.render = render
        self.make(agent=RequestTraversalAgent(page), **backend)
        return self.driver.realms.list(MINE)

    def test_unpacked(self):
        """A packed answer is read as any other; what comes after its end is not looked at, but counted."""
        body = recording("05")[1]
        self.assertEqual(2, len(self.done(self.zipped(gzip.compress(body)))))
        self.assertEqual(2, len(self.done(self.zipped(gzip.compress(body) + b"more"))))
        self.assertEqual(2, len(self.done(self.zipped(gzip.compress(body), max_body=len(body)))))
        self.refused(errors.BackendError, self.zipped(gzip.compress(body) + bytes(1000), max_body=1000))

    def test_large(self):
        """A packed answer that is larger than one step of unpacking is whole."""
        many = b"".join(b"<realm id='r%d'/>" % number for number in range(50_000))
        found = self.done_in_turns(self.zipped(gzip.compress(b"<realms>" + many + b"</realms>")))
        self.assertEqual((50_000, "r49999"), (len(found), found[-1].id))

    def test_broken(self):
        """What is cut off or no gzip at all is BackendError."""
        packed = gzip.compress(recording("05")[1] * 10)
        for body in (packed[:-20], b"plain text", packed[:5], zlib.compress(b"<realms/>")):
            self.refused(errors.BackendError, self.zipped(body))

    def test_bomb(self):
        """A bomb is dropped at the limit: 200 MB are never unpacked."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
        call = self.zipped(bomb, max_body=2**20)
        tracemalloc.start()
        self.assertIn("too long", str(self.refused(errors.BackendError, call)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(peak, 10 * 2**20)
        self.assertEqual([], self.clock.getDelayedCalls())
