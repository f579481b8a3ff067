"""The moments that signatures name, as epoch seconds; nothing here knows what time it is."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

_EXTENDED = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(?:Z|\+00:00)?", re.ASCII
)


@lru_cache(1024)
def basic(moment: bytes) -> int:
    """Epoch seconds of ``20261123T164539Z``, signature v4's form; clients sign for the same few moments.

    :raises ValueError: it is not of that form, or no such moment exists.
    """
    clock = moment[9:15]
    if len(moment) != 16 or moment[8:9] != b"T" or moment[15:] != b"Z" or not clock.isdigit():
        raise ValueError("not a moment")
    # Slices, since strptime costs as much as all the rest of a verification.
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("not a time of day")
    return _midnight(moment[:8]) + hours * 3600 + minutes * 60 + seconds


def extended(moment: str) -> int:
    """Epoch seconds of ``2026-11-23T16:45:39Z``, signature v2's form; fractions and the zone, UTC, may be there.

    :raises ValueError: it is not of that form, or no such moment exists.
    """
    found = _EXTENDED.fullmatch(moment)
    if found is None:
        raise ValueError("not a moment")
    year, month, day, hours, minutes, seconds = (int(number) for number in found.groups())
    return int(datetime(year, month, day, hours, minutes, seconds, tzinfo=UTC).timestamp())


def http_date(value: bytes) -> bytes:
    """The moment in a ``Date`` header, in signature v4's form.

    :raises ValueError: it is no date.
    """
    try:
        when = parsedate_to_datetime(value.decode("ascii")).astimezone(UTC)
    except (TypeError, OverflowError) as error:
        raise ValueError("not a date") from error
    return when.strftime("%Y%m%dT%H%M%SZ").encode()


@lru_cache(64)
def _midnight(day: bytes) -> int:
    if not day.isdigit():
        raise ValueError("not a day")
    return int(datetime(int(day[:4]), int(day[4:6]), int(day[6:]), tzinfo=UTC).timestamp())
