"""Times and days as text: RFC 3339 instants to microseconds, ISO 8601 days to days since 1970-01-01, and back.

Only instants with a zone are times: an agency's local time without one is refused, never guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()
LEGAL_ZONE = timezone(timedelta(hours=8), "UTC+8")
"""Zone of the days on which code lists and laws take effect; China has kept it, without summer time, since 1992."""
LEGAL_OFFSET = 8 * 3_600_000_000
DAY_MICROSECONDS = 86_400_000_000
MICROSECOND = timedelta(microseconds=1)
MIN_INSTANT = -62_135_596_800_000_000
MAX_INSTANT = 253_402_300_799_999_999
MIN_DAY, MAX_DAY = date.min.toordinal() - EPOCH_DAY, date.max.toordinal() - EPOCH_DAY

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_instant(text: str) -> int:
    """Return microseconds since the epoch; ValueError unless it is RFC 3339 with a zone, to the microsecond at most."""
    if not _INSTANT.fullmatch(text):
        raise ValueError
    try:
        return (datetime.fromisoformat(text.upper()) - EPOCH) // MICROSECOND
    except OverflowError:
        raise ValueError from None


def format_instant(us: int) -> str:
    """Return RFC 3339 in UTC; microseconds are shown when there are any."""
    moment = EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="microseconds" if us % 1_000_000 else "seconds").replace("+00:00", "Z")


def parse_day(text: str) -> int:
    """Return days since 1970-01-01; ValueError unless it is `YYYY-MM-DD` and such a day exists."""
    if not _DAY.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text).toordinal() - EPOCH_DAY


def format_day(days: int) -> str:
    """Return `YYYY-MM-DD`."""
    return date.fromordinal(days + EPOCH_DAY).isoformat()


def legal_day(us: int) -> int:
    """Return the legal day (UTC+8) of an instant as days since 1970-01-01."""
    return (us + LEGAL_OFFSET) // DAY_MICROSECONDS


def local_day(us: int) -> date:
    """Return the legal day (UTC+8) of an instant; the first and last hours that a date can hold stay on their edge."""
    try:
        return (EPOCH + timedelta(microseconds=us)).astimezone(LEGAL_ZONE).date()
    except OverflowError:
        return date.max if us > 0 else date.min
