"""A limit: how long the law gives, in the units it uses."""

from __future__ import annotations

from dataclasses import dataclass

from streams.legal_clock.zone import to_date, to_day

HALF_MONTH_DAYS = 15
MONTHS_A_YEAR = 12
UNITS = ("days", "workdays", "months", "half_months", "hours")


@dataclass(frozen=True, slots=True)
class Limit:
    """A length of time as a statute states it: months first, then half months and days, then working days.

    Hours stand alone: an hour clock has no last day that could roll.
    """

    days: int = 0
    workdays: int = 0
    months: int = 0
    half_months: int = 0
    hours: int = 0

    def plus_months(self, day: int) -> int:
        """Add the calendar part of this limit (months, half months, days) to a day."""
        reached = add_months(day, self.months) if self.months else day
        return reached + self.half_months * HALF_MONTH_DAYS + self.days


def add_months(day: int, months: int) -> int:
    """Return the same day `months` later, by the rule of 刑诉解释 §202.

    The last day of a month goes to the last day of the later month; a day that it does not have becomes its last one.
    """
    start = to_date(day)
    total = start.year * MONTHS_A_YEAR + start.month - 1 + months
    year, month = divmod(total, MONTHS_A_YEAR)
    last = days_in_month(year, month + 1)
    from_last = start.day == days_in_month(start.year, start.month)
    return to_day(start.replace(year=year, month=month + 1, day=last if from_last else min(start.day, last)))


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month."""
    following = (year + 1, 1) if month == MONTHS_A_YEAR else (year, month + 1)
    return to_day(to_date(0).replace(year=following[0], month=following[1], day=1)) - to_day(
        to_date(0).replace(year=year, month=month, day=1)
    )
