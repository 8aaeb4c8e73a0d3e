"""Working days: weekends, statutory holidays and the working days that make up for them.

The yearly notices of the State Council come with the package chinese-calendar, whose version names the calendar.
Outside the years it knows, only weekends are days off and every answer is provisional: the notice of a year is
published late in the year before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

from chinese_calendar import constants

from streams.legal_clock.zone import to_date, to_day

SATURDAY = 5
DAYS_A_WEEK = 7
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True)
class WorkCalendar:
    """Which days are working days.

    Attributes:
        name: `cn` or `weekends`.
        version: where its knowledge comes from.
        off: weekdays that are days off.
        on: weekend days that are working days.
        known: the days [first, last) the notices cover; outside them an answer is provisional. None: always certain.
    """

    name: str
    version: str
    off: frozenset[int] = field(default_factory=frozenset)
    on: frozenset[int] = field(default_factory=frozenset)
    known: range | None = None

    def is_working(self, day: int) -> bool:
        """Say whether offices work on a day."""
        if (day + EPOCH_WEEKDAY) % DAYS_A_WEEK >= SATURDAY:
            return day in self.on
        return day not in self.off

    def is_provisional(self, day: int) -> bool:
        """Say whether the answer for a day may still change."""
        return self.known is not None and day not in self.known

    def next_working(self, day: int) -> int:
        """Return the first working day on or after a day."""
        while not self.is_working(day):
            day += 1
        return day

    def add(self, day: int, count: int) -> int:
        """Return the `count`-th working day after a day; the day itself is not counted."""
        while count > 0:
            day = self.next_working(day + 1)
            count -= 1
        return day


def _chinese() -> WorkCalendar:
    holidays = frozenset(to_day(day) for day in constants.holidays)
    years = [to_date(day).year for day in holidays]
    january = to_date(0)
    first = to_day(january.replace(year=min(years)))
    return WorkCalendar(
        name="cn",
        version=f"chinese-calendar {version('chinese-calendar')}",
        off=holidays,
        on=frozenset(to_day(day) for day in constants.workdays),
        known=range(first, to_day(january.replace(year=max(years) + 1))),
    )


CALENDARS: dict[str, Callable[[], WorkCalendar]] = {
    "cn": _chinese,
    "weekends": lambda: WorkCalendar(name="weekends", version="1"),
}
"""The calendars a model may name."""


@cache
def calendar(name: str) -> WorkCalendar:
    """Return the calendar of a name, one for all that ask; raises KeyError for a name that is not in `CALENDARS`."""
    return CALENDARS[name]()
