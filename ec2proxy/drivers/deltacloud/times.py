"""The many ways in which backends write a time, read into aware datetimes."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# Names by their hours east of Greenwich. Those that several countries claim (IST) are left out: a wrong time is
# worse than none. CST and the like are the American ones, as in RFC 2822.
_HOURS = {
    0: ("", "Z", "UT", "UTC", "GMT", "WET"),
    1: ("CET", "MEZ", "WEST", "BST"),
    2: ("CEST", "MESZ", "EET"),
    3: ("EEST", "MSK"),
    8: ("SGT", "HKT", "AWST"),
    9: ("JST", "KST"),
    10: ("AEST",),
    11: ("AEDT",),
    12: ("NZST",),
    13: ("NZDT",),
    -3: ("ADT",),
    -4: ("EDT", "AST"),
    -5: ("EST", "CDT"),
    -6: ("CST", "MDT"),
    -7: ("MST", "PDT"),
    -8: ("PST", "AKDT"),
    -9: ("AKST",),
    -10: ("HST",),
}
_ZONES = {name: timezone(timedelta(hours=hours)) for hours, names in _HOURS.items() for name in names}

_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
_ZONE = r"(?P<zone>[A-Za-z]{1,5}|(?:UTC|GMT)?[+-]\d\d(?::?\d\d)?)"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        # 2026-11-23T17:07:38.5Z, 2026-11-23 17:07:38 +0000, 2026-11-23
        rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?:(?:[Tt]|\ +){_CLOCK}\ *{_ZONE}?)?",
        # Thu Oct 25 14:27:53 CEST 2012, and without a zone as C's ctime has it
        rf"[A-Za-z]{{3}}\ +(?P<month>[A-Za-z]{{3}})\ +(?P<day>\d\d?)\ +{_CLOCK}\ +(?:{_ZONE}\ +)?(?P<year>\d{{4}})",
        # Thu, 25 Oct 2012 14:27:53 +0200
        rf"(?:[A-Za-z]{{3}},\ *)?(?P<day>\d\d?)\ +(?P<month>[A-Za-z]{{3}})\ +(?P<year>\d{{4}})\ +{_CLOCK}\ *{_ZONE}?",
    )
)
_EPOCH = re.compile(r"\d{1,11}(?:\.\d+)?", re.ASCII)


@lru_cache(maxsize=16384)
def read_time(text: str) -> datetime | None:
    """Read a time: ISO 8601, RFC 2822, Ruby's ``Thu Oct 25 14:27:53 CEST 2012`` (recording 12), or epoch seconds.

    :param text: without padding; a time without a zone is taken to be UTC.
    :return: an aware time, or None where the text is no time or its zone is unknown.
    """
    try:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        for form in _FORMS:
            match = form.fullmatch(text)
            if match:
                return _assemble(match.groupdict())
    except (ValueError, OverflowError):
        pass
    return None


def _assemble(parts: dict[str, str | None]) -> datetime | None:
    zone = _zone(parts["zone"] or "")
    if zone is None:
        return None
    month = parts["month"] or ""
    return datetime(
        int(parts["year"] or 0),
        int(month) if month.isdigit() else _MONTHS.index(month.lower()),
        int(parts["day"] or 0),
        int(parts["hour"] or 0),
        int(parts["minute"] or 0),
        # A leap second is shown as the second before it: datetime has none.
        min(int(parts["second"] or 0), 59),
        int((parts["fraction"] or "")[:6].ljust(6, "0")),
        zone,
    )


def _zone(text: str) -> timezone | None:
    name = text.upper()
    if name in _ZONES:
        return _ZONES[name]
    name = name.removeprefix("UTC").removeprefix("GMT")
    if name[:1] not in ("+", "-"):
        return None
    digits = name[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if name[0] == "-" else offset)
