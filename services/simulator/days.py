"""The days of the simulated city: its calendar, its last days and how a moment of a day becomes microseconds.

The arithmetic here is the truth's own, small on purpose and apart from `streams.legal_clock`: stories choose their
dates so that a limit ends where a table below says, never where an engine says. Days off are those of the State
Council's notice for 2025 (国办发明电〔2024〕12号) in the months that the city lives through.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

from schemas.clock import DAY

ZONE = timezone(timedelta(hours=8))
"""Asia/Shanghai; it keeps one offset all year, so a fixed one is exact."""

START = date(2025, 3, 3)
LENGTH_DAYS = 75
END = START + timedelta(days=LENGTH_DAYS)

_HOLIDAYS = frozenset({date(2025, 4, 4), date(2025, 5, 1), date(2025, 5, 2), date(2025, 5, 5)})
_WORKING_SUNDAYS = frozenset({date(2025, 4, 27)})
_SATURDAY = 5

ROLLED_TEN_DAYS = (
    # (first day, day 10, first working day on or after it): 刑诉法 §105, the limits of C1 and C2.
    (date(2025, 3, 5), date(2025, 3, 15), date(2025, 3, 17)),
    (date(2025, 3, 13), date(2025, 3, 23), date(2025, 3, 24)),
    (date(2025, 3, 25), date(2025, 4, 4), date(2025, 4, 7)),
    (date(2025, 4, 9), date(2025, 4, 19), date(2025, 4, 21)),
    (date(2025, 4, 21), date(2025, 5, 1), date(2025, 5, 6)),
)
ROLLED_MONTH = (
    # (first day, same day of the next month, first working day on or after it)
    (date(2025, 3, 4), date(2025, 4, 4), date(2025, 4, 7)),
    (date(2025, 3, 12), date(2025, 4, 12), date(2025, 4, 14)),
    (date(2025, 3, 20), date(2025, 4, 20), date(2025, 4, 21)),
    (date(2025, 4, 1), date(2025, 5, 1), date(2025, 5, 6)),
)
CLAMPED_MONTH = (date(2025, 3, 31), date(2025, 4, 30))
"""A month from the last day of March ends on the last day of April (刑诉解释 §202)."""
ROLLED_THREE_DAYS = (
    (date(2025, 3, 5), date(2025, 3, 8), date(2025, 3, 10)),
    (date(2025, 3, 13), date(2025, 3, 16), date(2025, 3, 17)),
    (date(2025, 4, 1), date(2025, 4, 4), date(2025, 4, 7)),
    (date(2025, 4, 10), date(2025, 4, 13), date(2025, 4, 14)),
)


def is_working(day: date) -> bool:
    """Say whether offices work on `day`."""
    if day in _WORKING_SUNDAYS:
        return True
    return day.weekday() < _SATURDAY and day not in _HOLIDAYS


def days_after(day: date, count: int) -> date:
    """Return the calendar day `count` days after `day`."""
    return day + timedelta(days=count)


def month_after(day: date) -> date:
    """Return the same day of the next month, for days up to the 28th and the clamped pair above."""
    if day == CLAMPED_MONTH[0]:
        return CLAMPED_MONTH[1]
    return day.replace(month=day.month + 1)


def instant(day: date, seconds: int = 0) -> int:
    """Return the microseconds of `seconds` after the local midnight that begins `day`."""
    local = datetime.combine(day, time(), ZONE)
    return (int(local.timestamp()) + seconds) * 1_000_000


def end_of(day: date) -> int:
    """Return the microseconds of 24:00 of `day`: the first moment that is too late."""
    return instant(day) + DAY


def local_day(at_us: int) -> date:
    """Return the local day of a moment."""
    return datetime.fromtimestamp(at_us // 1_000_000, ZONE).date()


def local_text(at_us: int) -> str:
    """Render a moment with its offset, as agencies write it in their fields."""
    return datetime.fromtimestamp(at_us // 1_000_000, ZONE).isoformat()


def utc_text(at_us: int) -> str:
    """Render a moment in UTC with microseconds, as the envelope has it."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
