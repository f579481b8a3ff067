"""Times as backends write them."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.drivers.deltacloud.times import read_time


def east(hours, minutes=0):
    """A zone by its hours east of Greenwich."""
    return timezone(timedelta(hours=hours, minutes=minutes))


class TimeTests(SynchronousTestCase):
    """:func:`read_time`."""

    def test_formats(self):
        """Each format that was seen is read, with its own zone."""
        for text, expected in {
            "Thu Oct 25 14:27:53 CEST 2012": datetime(2012, 10, 25, 14, 27, 53, tzinfo=east(2)),
            "Thu Oct  5 04:27:53 PST 2012": datetime(2012, 10, 5, 4, 27, 53, tzinfo=east(-8)),
            "Thu Oct 25 14:27:53 -0330 2012": datetime(2012, 10, 25, 14, 27, 53, tzinfo=east(-3, -30)),
            "Thu Oct 25 14:27:53 2012": datetime(2012, 10, 25, 14, 27, 53, tzinfo=UTC),
            "2026-11-23 17:07:38 +0000": datetime(2026, 11, 23, 17, 7, 38, tzinfo=UTC),
            "2026-11-23 17:07:38 UTC": datetime(2026, 11, 23, 17, 7, 38, tzinfo=UTC),
            "2026-11-23T17:07:38Z": datetime(2026, 11, 23, 17, 7, 38, tzinfo=UTC),
            "2026-11-23T17:07:38.123Z": datetime(2026, 11, 23, 17, 7, 38, 123000, tzinfo=UTC),
            "2026-11-23T17:07:38.123456789+05:30": datetime(2026, 11, 23, 17, 7, 38, 123456, tzinfo=east(5, 30)),
            "2026-11-23T17:07:38": datetime(2026, 11, 23, 17, 7, 38, tzinfo=UTC),
            "2026-11-23": datetime(2026, 11, 23, tzinfo=UTC),
            "2016-12-31T23:59:60Z": datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
            "Thu, 25 Oct 2012 14:27:53 +0200": datetime(2012, 10, 25, 14, 27, 53, tzinfo=east(2)),
            "25 Oct 2012 14:27:53 EDT": datetime(2012, 10, 25, 14, 27, 53, tzinfo=east(-4)),
            "Thu, 25 Oct 2012 14:27:53 GMT+2": None,
            "1795453658": datetime(2026, 11, 23, 17, 7, 38, tzinfo=UTC),
            "1795453658.5": datetime(2026, 11, 23, 17, 7, 38, 500000, tzinfo=UTC),
        }.items():
            self.assertEqual(expected, read_time(text), text)
            if expected is not None:
                self.assertEqual(expected.utcoffset(), read_time(text).utcoffset(), text)

    def test_no_times(self):
        """What is no time, or whose zone cannot be known, is None."""
        for text in (
            "",
            "yesterday",
            "Thu Oct 25 14:27:53 IST 2012",
            "Thu Foo 25 14:27:53 CEST 2012",
            "2012-13-01T00:00:00Z",
            "2012-10-25T14:27:53+99:99",
            "2012-10-25T14:27:53Zulu",
            "0000-01-01",
            "999999999999999",
            "\u0661\u0662\u0663",
        ):
            self.assertIsNone(read_time(text), text)

    @given(st.datetimes(timezones=st.just(UTC)))
    def test_round_trip(self, time):
        """Any ISO 8601 time with microseconds comes back as it was."""
        self.assertEqual(time, read_time(time.isoformat(timespec="microseconds")))

    @given(st.text(max_size=60))
    def test_never_fails(self, text):
        """No text makes it fail."""
        read_time(text)
