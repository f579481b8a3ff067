"""Error answers: what they mean, and what of them a client may read."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from ec2proxy import errors
from ec2proxy.drivers.deltacloud.refusals import ENTRY_POINT, Asked, clean_line, name_taken, refusal
from ec2proxy.drivers.deltacloud.transport import Answer
from tests.drivers.support import recording

SHOWN = Asked("realms", "us")
LISTED = Asked("realms")
CHANGED = Asked("instances", "i", changing=True)
CREATED = Asked("instances", changing=True)


def answer(status, body=b""):
    """An answer without headers."""
    return Answer(status, Headers(), body, b"")


class StatusTests(SynchronousTestCase):
    """:func:`refusal`."""

    def check(self, kind, asked, status, body=b"", message=None):
        """What it is, and what it says."""
        error = refusal(asked, answer(status, body))
        self.assertIs(type(error), kind)
        if message is not None:
            self.assertEqual(message, str(error))
        return error

    def test_recordings(self):
        """The answers of a real server."""
        for number, kind, asked, message in (
            ("07", errors.NotFound, SHOWN, "no such realms: us"),
            ("08", errors.BackendError, SHOWN, "DeltacloudErrorMessage"),
            ("09", errors.Unsupported, SHOWN, "NotImplementedMessage"),
            ("10", errors.BackendUnavailable, SHOWN, "ProviderErrorMessage"),
            ("11", errors.BackendTimeout, SHOWN, "ProviderTimeoutMessage"),
            ("24", errors.InvalidRequest, CREATED, "Required parameter 'name' not found in []"),
            ("31", errors.Unauthenticated, LISTED, "the backend refuses the credentials"),
            ("32", errors.Unauthenticated, LISTED, "the backend refuses the credentials"),
            ("37", errors.InvalidRequest, CREATED, "Required parameter 'image_id' not found in [hwp_id]"),
            ("38", errors.InvalidRequest, CREATED, "Hardware profile 'nope' does not exists."),
            ("41", errors.WrongState, CHANGED, "the object's state does not allow that"),
            ("43", errors.WrongState, CHANGED, "the object's state does not allow that"),
            ("46", errors.Forbidden, CHANGED, "the backend does not allow that"),
            ("72", errors.Unsupported, LISTED, "The required capability to execute this operation is missing"),
            ("73", errors.Unsupported, LISTED, "the backend has no realms"),
            ("75", errors.BackendError, LISTED, "the backend answered with status 406"),
        ):
            self.check(kind, asked, *recording(number), message)

    def test_key_not_found(self):
        """26: the first line of what a bug in the server says."""
        error = self.check(errors.BackendError, Asked("keys", "k", changing=True), *recording("26"))
        self.assertEqual("undefined method `id' for nil:NilClass", str(error))

    def test_not_found(self):
        """404 is the object, or what a field names, or the collection, or the whole API."""
        self.assertEqual(("i",), self.check(errors.NotFound, CHANGED, 404).ids)
        self.check(errors.InvalidRequest, CREATED, 404, b"no such image", "no such image")
        self.check(errors.Unsupported, LISTED, 404)
        self.check(errors.BackendError, Asked(ENTRY_POINT), 404)

    def test_redirect(self):
        """A redirect is a wrong URL in the configuration."""
        self.assertIn("URL", str(self.check(errors.BackendError, LISTED, 301)))

    def test_ambiguous(self):
        """Only a change that the backend may have made is ambiguous."""
        for status in (302, 500, 502, 504, 599):
            self.assertTrue(refusal(CHANGED, answer(status)).ambiguous, status)
            self.assertFalse(refusal(SHOWN, answer(status)).ambiguous, status)
        for status in (400, 401, 403, 404, 405, 409, 412, 418, 501, 503):
            self.assertFalse(refusal(CHANGED, answer(status)).ambiguous, status)

    def test_name_taken(self):
        """23, 409, but not any refusal."""
        self.assertTrue(name_taken(answer(*recording("23"))))
        self.assertTrue(name_taken(answer(409)))
        self.assertTrue(name_taken(answer(400, b"InvalidKeyPair.Duplicate")))
        self.assertFalse(name_taken(answer(*recording("38"))))
        self.assertFalse(name_taken(answer(500, b"already there")))

    def test_repr(self):
        """An answer's body, which may hold a private key, is in no repr."""
        self.assertEqual("<Answer 200, 6 bytes>", repr(answer(200, b"secret")))


class MessageTests(SynchronousTestCase):
    """What of an answer is passed on."""

    def said(self, body):
        """The message of a 400 with this body."""
        return str(refusal(CREATED, answer(400, body)))

    def document(self, message, more=""):
        """An error document with this message."""
        return f"<error><message><![CDATA[{message}]]></message>{more}</error>".encode()

    def test_no_backtrace_no_request(self):
        """Neither the backtrace nor the parameters, however long they are."""
        trace = "<backtrace>/srv/x.rb:1\n" + "y" * 90_000 + "</backtrace><request><param>user data</param></request>"
        self.assertEqual("Sorry", self.said(self.document("\n\nSorry\nsecond line", trace)))

    def test_unreadable(self):
        """An error document that is cut off or has entities says nothing."""
        ours = "the backend refuses the request"
        self.assertEqual(ours, self.said(self.document("Sorry")[:-9]))
        self.assertEqual(ours, self.said(b"<!DOCTYPE e [<!ENTITY a 'b'>]><error><message>&a;</message></error>"))
        self.assertEqual(ours, self.said(b"<error/>"))
        self.assertEqual(ours, self.said(b"<p>markup only</p>"))
        self.assertEqual(ours, self.said(b""))

    def test_pages(self):
        """Of a page of HTML, its title or heading."""
        self.assertEqual(
            "502 no luck", self.said(b"<html><head><TITLE>502 no luck</TITLE></head><body>x</body></html>")
        )
        self.assertEqual("No luck", self.said(b"<h1>No luck</h1>"))

    def test_clean(self):
        """No markup, paths, addresses of servers or control characters; one line, of bounded length."""
        for text, expected in {
            "a\x00b\x1b[31mc": "a b [31mc",
            "  a \t b  ": "a b",
            "no file /srv/deltacloud/lib/x.rb:12:in `y' here": "no file ... here",
            "at C:\\Ruby\\lib\\x.rb": "at ...",
            "~/x/y is missing": "... is missing",
            "see http://user:pw@10.0.0.1:8774/v2 for more": "see ... for more",
            "<b>bold</b> words": "bold words",
            "/dev/sdb is in use": "/dev/sdb is in use",
            "either/or 1/2": "either/or 1/2",
            "\u202eevil": "evil",
            "": "",
            "\n \n": "",
        }.items():
            self.assertEqual(expected, clean_line(text), text)
        self.assertEqual(200, len(clean_line("x" * 5000)))

    @given(st.text())
    def test_always_clean(self, text):
        """Whatever the text."""
        line = clean_line(text)
        self.assertLessEqual(len(line), 200)
        self.assertTrue(line.isprintable())
        self.assertNotIn("/etc/passwd", clean_line(text + " /etc/passwd"))
