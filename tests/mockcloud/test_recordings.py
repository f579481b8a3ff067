"""The mock cloud answers what a real Deltacloud server answered."""

import re

from .recordings import rest_session
from .support import CloudTestCase

# When the recordings of what bears its time were made: 2026-11-23 17:07:38 UTC.
RECORDED_AT = 1795453658

SAME_HEADERS = (
    "content-type",
    "location",
    "www-authenticate",
    "x-deltacloud-driver",
    "x-deltacloud-provider",
    "cache-control",
    "expect",
    "x-cascade",
)
# Of these only the presence is the same.
SAME_PRESENCE = ("etag", "x-backend-runtime")

MOVING_PARTS = (
    (rb"(?s)<backtrace>.+?</backtrace>", b"<backtrace/>"),
    (rb"(?s)(-----BEGIN RSA PRIVATE KEY-----).+?(-----END RSA PRIVATE KEY-----)", rb"\1\2"),
    (rb"<fingerprint>(?:[0-9a-f]{2}:){19}[0-9a-f]{2}</fingerprint>", b"<fingerprint/>"),
)


def steady(body: bytes) -> bytes:
    """``body`` without backtraces, key material and fingerprints."""
    for pattern, replacement in MOVING_PARTS:
        body = re.sub(pattern, replacement, body)
    return body


class RecordingsTests(CloudTestCase):
    """One session, the recorded one."""

    def setUp(self):
        super().setUp()
        self.clock.advance(RECORDED_AT)

    def test_same_requests_same_answers(self):
        """Every recorded request gets the recorded answer, to the byte."""
        session = list(rest_session())
        self.assertEqual(len(session), 76)
        for recorded in session:
            given = {name: value for name, value in recorded.request_headers.items() if name != "Host"}
            headers = {"Authorization": None, "Accept": None, **given}
            heard = self.call(recorded.method, recorded.path, recorded.form, **headers)
            self.assertEqual(heard.status, recorded.status, recorded.name)
            for name in SAME_HEADERS:
                self.assertEqual(heard.headers.get(name), recorded.headers.get(name), f"{recorded.name}: {name}")
            for name in SAME_PRESENCE:
                self.assertEqual(name in heard.headers, name in recorded.headers, f"{recorded.name}: {name}")
            self.assertEqual(steady(heard.body).decode(), steady(recorded.body).decode(), recorded.name)

    def test_user_data_is_received(self):
        """What the recorded session sends as user data can be looked at."""
        create = next(one for one in rest_session() if one.name.startswith("35-"))
        self.call(create.method, create.path, create.form)
        self.assertEqual(self.cloud.instances["inst4"].user_data, "IyEvYmluL3NoCmVjaG8gaGkK")
        self.assertNotIn("IyEv", repr(self.cloud.instances["inst4"]))

    def test_another_host(self):
        """Addresses are built from the Host header, of an instance that was shown elsewhere before too."""
        for host in ("one.example:81", "other.example", "one.example:81"):
            heard = self.get("/api/instances/inst0", Host=host)
            self.assertEqual(heard.xml.get("href"), f"http://{host}/api/instances/inst0")
