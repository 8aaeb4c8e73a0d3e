"""Months, half months: 刑诉解释 §202, domain rule C3."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.legal_clock import Limit
from streams.legal_clock.limit import add_months, days_in_month
from streams.legal_clock.zone import to_date, to_day

STORIES = [
    ("2025-01-31", 1, "2025-02-28"),
    ("2024-01-31", 1, "2024-02-29"),
    ("2025-03-31", 1, "2025-04-30"),
    ("2025-03-10", 1, "2025-04-10"),
    ("2025-01-30", 1, "2025-02-28"),
    ("2025-02-28", 1, "2025-03-31"),
    ("2024-02-28", 1, "2024-03-28"),
    ("2024-02-29", 12, "2025-02-28"),
    ("2025-04-30", 1, "2025-05-31"),
    ("2025-11-15", 2, "2026-01-15"),
    ("2025-12-31", 2, "2026-02-28"),
    ("2025-06-10", 12, "2026-06-10"),
]


@pytest.mark.parametrize(("start", "months", "end"), STORIES)
def test_months_end_on_the_day_the_law_names(start: str, months: int, end: str) -> None:
    """Same day of the later month; last day to last day; a missing day becomes the last one."""
    assert to_date(add_months(to_day(date.fromisoformat(start)), months)) == date.fromisoformat(end)


def test_half_a_month_is_fifteen_days() -> None:
    """Half a month is 15 days, also in February."""
    start = to_day(date(2025, 2, 10))

    assert to_date(Limit(half_months=1).plus_months(start)) == date(2025, 2, 25)


def test_months_come_before_days() -> None:
    """One month and fifteen days: first the month, then the days."""
    start = to_day(date(2025, 1, 31))

    assert to_date(Limit(months=1, days=15).plus_months(start)) == date(2025, 3, 15)


@given(start=st.integers(-20_000, 40_000), months=st.integers(0, 60))
def test_months_land_in_the_right_month(start: int, months: int) -> None:
    """A period of months ends in the month so many later, on the day it began on or on the last one."""
    begun, ended = to_date(start), to_date(add_months(start, months))

    assert (ended.year * 12 + ended.month) - (begun.year * 12 + begun.month) == months
    last = ended.day == days_in_month(ended.year, ended.month)
    assert ended.day == begun.day or last
