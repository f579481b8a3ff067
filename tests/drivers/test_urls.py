"""URLs: what may be a base, and what ids become."""

from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.drivers.deltacloud.urls import checked_base, url_below

BASE = "http://host:3001/api"


class BaseTests(SynchronousTestCase):
    """:func:`checked_base`."""

    def test_good(self):
        """With and without port, path and trailing slash."""
        for url in (BASE, "https://host", "http://[::1]:3001/api", "HTTP://host/api"):
            self.assertEqual(url, checked_base(url))
        self.assertEqual(BASE, checked_base(BASE + "/"))

    def test_bad(self):
        """Each mistake has one line that says what it is."""
        for url, word in {
            "": "http://",
            "host:3001": "http://",
            "ftp://host/": "http://",
            "http://": "no host",
            "http:///api": "no host",
            "http://host:0/": "port 0",
            "http://host:99999/": "cannot be read",
            "http://host:port/": "cannot be read",
            "http://[::1/": "cannot be read",
            "http://user:secret@host/": "user name",
            "http://host/api?x=1": "query",
            "http://host/api?": "query",
            "http://host/api#x": "query",
            "http://host/a b": "space",
            "http://host/api\n": "space",
            "http://h\u00f6st/": "ASCII",
        }.items():
            error = self.assertRaises(ValueError, checked_base, url)
            self.assertIn(word, str(error), url)
            self.assertNotIn("secret", str(error))
            self.assertNotIn("\n", str(error))


class PathTests(SynchronousTestCase):
    """:func:`url_below`."""

    def test_segments(self):
        """What means something in a URL is encoded."""
        self.assertEqual(BASE, url_below(BASE, ()))
        self.assertEqual(BASE + "/instances/i-1/stop", url_below(BASE, ("instances", "i-1", "stop")))
        self.assertEqual(BASE + "/a/..%2F%3F%23%25%20%C3%A9%00", url_below(BASE, ("a", "../?#% \u00e9\0")))

    def test_no_segments(self):
        """What no server could tell from a step in the tree is not sent."""
        for segment in ("", ".", "..", "\ud800"):
            self.assertIsNone(url_below(BASE, ("instances", segment)))

    @given(st.text(st.characters(exclude_categories=("Cs",))))
    def test_whole(self, segment):
        """Any id is one segment, and comes back as it was."""
        url = url_below(BASE, ("instances", segment))
        if segment in ("", ".", ".."):
            self.assertIsNone(url)
        else:
            parts = urlsplit(url)
            self.assertEqual(("host:3001", "", ""), (parts.netloc, parts.query, parts.fragment))
            self.assertEqual(["", "api", "instances", segment], [unquote(one) for one in parts.path.split("/")])
