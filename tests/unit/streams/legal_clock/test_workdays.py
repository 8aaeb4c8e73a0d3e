"""Working days: weekends, statutory holidays, make-up days, and what is not published yet."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.legal_clock import calendar
from streams.legal_clock.zone import to_date, to_day

CN = calendar("cn")


def day(text: str) -> int:
    """Return the day number of a date."""
    return to_day(date.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("2025-03-10", True),
        ("2025-05-10", False),
        ("2025-04-04", False),
        ("2025-04-27", True),
        ("2025-10-01", False),
        ("2025-10-08", False),
        ("2025-10-09", True),
        ("2025-10-11", True),
    ],
)
def test_days_of_2025(text: str, works: bool) -> None:  # noqa: FBT001
    """Holidays are off, make-up Sundays and Saturdays are on (国办发明电〔2024〕12号)."""
    assert CN.is_working(day(text)) is works


def test_next_working_day_passes_the_october_holiday() -> None:
    """From 2025-10-05 the next working day is 10-09 (domain M28)."""
    assert to_date(CN.next_working(day("2025-10-05"))) == date(2025, 10, 9)


def test_five_working_days_over_a_holiday() -> None:
    """Five working days after Friday 2025-04-25 count the make-up Sunday and skip May Day."""
    assert to_date(CN.add(day("2025-04-25"), 5)) == date(2025, 5, 6)


def test_years_without_a_notice_are_provisional() -> None:
    """Past the last known year only weekends are off, and the answer says that it may change."""
    far = day("2040-10-01")

    assert CN.is_provisional(far)
    assert CN.is_working(far)
    assert not CN.is_provisional(day("2025-10-01"))
    assert CN.is_provisional(day("1999-10-01"))


def test_the_calendar_names_its_version() -> None:
    """An alert can say which calendar it was reckoned with."""
    assert CN.version.startswith("chinese-calendar ")


@given(start=st.integers(10_000, 25_000), count=st.integers(1, 40))
def test_counting_working_days_counts_working_days(start: int, count: int) -> None:
    """Between a day and its n-th working day lie exactly n working days, the last one among them."""
    end = CN.add(start, count)

    assert sum(CN.is_working(d) for d in range(start + 1, end + 1)) == count
    assert CN.is_working(end)


def test_weekends_alone_are_certain() -> None:
    """The plain calendar knows no holidays and is never provisional."""
    plain = calendar("weekends")

    assert plain.is_working(day("2025-10-01"))
    assert not plain.is_working(day("2025-10-04"))
    assert not plain.is_provisional(day("2040-10-01"))
