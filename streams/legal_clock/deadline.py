"""From the start of a clock and a limit to the first instant that is too late."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.clock import HOUR
from streams.legal_clock.limit import Limit
from streams.legal_clock.workdays import WorkCalendar
from streams.legal_clock.zone import LocalZone


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a period.

    Attributes:
        base_day: the local day the clock started on; it is not counted.
        nominal_day: the last day before any rolling.
        last_day: the last day that is in time.
        due_at: the first instant that is too late, microseconds: 24:00 of the last day, or the end of an hour clock.
        provisional: the calendar does not know that year yet.
    """

    base_day: int
    nominal_day: int
    last_day: int
    due_at: int
    provisional: bool = False

    @property
    def rolled(self) -> bool:
        """Whether the last day was a day off and moved."""
        return self.last_day != self.nominal_day


def reckon(
    limit: Limit,
    start: int,
    zone: LocalZone,
    calendar: WorkCalendar | None = None,
    *,
    roll: bool = False,
) -> Deadline:
    """Return the deadline of a clock that started at the instant `start`.

    `roll` moves a last day that is a day off to the next working day (刑诉法 §105); callers pass False for a person in
    custody. `calendar` is needed for working days and for rolling.
    """
    if limit.hours:
        return _hours(limit.hours, start, zone)
    return reckon_day(limit, zone.day(start), zone, calendar, roll=roll)


def reckon_day(
    limit: Limit,
    base_day: int,
    zone: LocalZone,
    calendar: WorkCalendar | None = None,
    *,
    roll: bool = False,
    since_day: int | None = None,
) -> Deadline:
    """Return the deadline of a clock that started on a local day.

    `since_day` is the day the limit is added to, where it is not the day the clock started on: an extension that counts
    from the old last day.
    """
    nominal = limit.plus_months(base_day if since_day is None else since_day)
    provisional = False
    if limit.workdays:
        assert calendar is not None
        nominal = calendar.add(nominal, limit.workdays)
        provisional = calendar.is_provisional(nominal)
    return settle(base_day, nominal, zone, calendar, roll=roll, provisional=provisional)


def settle(
    base_day: int,
    nominal: int,
    zone: LocalZone,
    calendar: WorkCalendar | None,
    *,
    roll: bool,
    provisional: bool = False,
) -> Deadline:
    """Return the deadline whose last day, before any rolling, is `nominal`."""
    last = nominal
    if roll:
        assert calendar is not None
        last = calendar.next_working(nominal)
        provisional = provisional or calendar.is_provisional(nominal) or calendar.is_provisional(last)
    return Deadline(base_day, nominal, last, zone.end(last), provisional)


def _hours(hours: int, start: int, zone: LocalZone) -> Deadline:
    """Count from the next full local hour: the hour of the start is not counted (刑诉法 §105)."""
    offset = zone.offset(start)
    due = ((start + offset) // HOUR + 1 + hours) * HOUR - offset
    day = zone.day(due - 1)
    return Deadline(zone.day(start), day, day, due)
