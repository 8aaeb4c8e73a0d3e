"""Domain §2.0, C1 to C4 and the hour clock, as stories."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import DAY
from streams.legal_clock import Deadline, Limit, calendar, local_zone, reckon
from streams.legal_clock.deadline import reckon_day
from streams.legal_clock.zone import to_date, to_day

ZONE = local_zone("Asia/Shanghai")
CN = calendar("cn")


def at(text: str) -> int:
    """Return the instant of a local time."""
    return ZONE.instant(datetime.fromisoformat(text))


def last_day(deadline: Deadline) -> str:
    """Return the last day in time."""
    return to_date(deadline.last_day).isoformat()


def test_c1_the_day_of_the_start_does_not_count() -> None:
    """Received 2025-03-10, ten days: due 03-20 24:00, overdue from 03-21 00:00."""
    deadline = reckon(Limit(days=10), at("2025-03-10T09:00"), ZONE)

    assert last_day(deadline) == "2025-03-20"
    assert deadline.due_at == at("2025-03-21T00:00")


@pytest.mark.parametrize("hour", ["00:00", "09:30", "23:59:59"])
def test_c1_the_hour_of_the_start_is_all_one(hour: str) -> None:
    """Whenever on a day the clock starts, it ends at the same midnight."""
    assert reckon(Limit(days=3), at(f"2025-03-03T{hour}"), ZONE).due_at == at("2025-03-07T00:00")


def test_c2_a_last_day_off_moves_to_the_next_working_day() -> None:
    """Released on bail, ten days ending Saturday 2025-05-10: due 05-12."""
    deadline = reckon(Limit(days=10), at("2025-04-30T10:00"), ZONE, CN, roll=True)

    assert last_day(deadline) == "2025-05-12"
    assert to_date(deadline.nominal_day) == date(2025, 5, 10)
    assert deadline.rolled


def test_c2_never_for_a_person_in_custody() -> None:
    """Arrested, two months ending Saturday 2025-05-10: it stays 05-10."""
    deadline = reckon(Limit(months=2), at("2025-03-10T10:00"), ZONE, CN, roll=False)

    assert last_day(deadline) == "2025-05-10"
    assert not deadline.rolled


def test_c2_a_working_last_day_stays() -> None:
    """A last day on which offices work does not move, also a make-up Sunday."""
    deadline = reckon(Limit(days=3), at("2025-04-24T10:00"), ZONE, CN, roll=True)

    assert last_day(deadline) == "2025-04-27"


def test_c2_passes_a_whole_holiday() -> None:
    """Ninety days from 2025-07-07 end in the October holiday: 10-09 (domain M28)."""
    assert last_day(reckon(Limit(days=90), at("2025-07-07T10:00"), ZONE, CN, roll=True)) == "2025-10-09"


@pytest.mark.parametrize(("start", "end"), [("2025-01-31", "2025-02-28"), ("2025-03-31", "2025-04-30")])
def test_c3_a_month_clamps(start: str, end: str) -> None:
    """A month from the last day ends on the last day."""
    assert last_day(reckon(Limit(months=1), at(f"{start}T12:00"), ZONE)) == end


def test_c3_half_a_month() -> None:
    """Half a month is fifteen days."""
    assert last_day(reckon(Limit(half_months=1), at("2025-02-20T12:00"), ZONE)) == "2025-03-07"


def test_c4_working_days() -> None:
    """Five working days from Monday 2025-07-07 end on 07-14 (domain M27)."""
    assert last_day(reckon(Limit(workdays=5), at("2025-07-07T12:00"), ZONE, CN)) == "2025-07-14"


def test_hours_count_from_the_next_full_hour() -> None:
    """Arrest asked for on 07-07 at 09:20, 48 hours: until 07-09 10:00 (domain M18)."""
    deadline = reckon(Limit(hours=48), at("2025-07-07T09:20"), ZONE)

    assert deadline.due_at == at("2025-07-09T10:00")
    assert last_day(deadline) == "2025-07-09"


def test_a_full_hour_is_an_hour_of_the_start() -> None:
    """Started at 09:00 sharp: that hour is not counted either."""
    assert reckon(Limit(hours=24), at("2025-07-07T09:00"), ZONE).due_at == at("2025-07-08T10:00")


def test_days_are_local_days_not_hours() -> None:
    """Ninety local days over the end of summer time are not 90 times 24 hours."""
    rome = local_zone("Europe/Rome")
    start = rome.instant(datetime(2006, 8, 15))  # noqa: DTZ001

    deadline = reckon(Limit(days=90), start, rome)

    assert to_date(deadline.last_day) == date(2006, 11, 13)
    assert deadline.due_at - start != 91 * DAY


def test_an_unpublished_year_is_provisional() -> None:
    """A rolled deadline in a year without a notice says that it may move."""
    far = reckon(Limit(days=3), at("2040-09-28T10:00"), ZONE, CN, roll=True)
    plain = reckon(Limit(days=3), at("2040-09-28T10:00"), ZONE)

    assert far.provisional
    assert not plain.provisional
    assert reckon(Limit(workdays=3), at("2040-09-28T10:00"), ZONE, CN).provisional


def test_an_extension_counts_from_the_old_last_day() -> None:
    """Two months from 03-10, one more from the last day: 06-10 (domain M07)."""
    base, old = to_day(date(2025, 3, 10)), to_day(date(2025, 5, 10))

    deadline = reckon_day(Limit(months=1), base, ZONE, since_day=old)

    assert last_day(deadline) == "2025-06-10"
    assert deadline.base_day == base


@given(start=st.integers(0, 60 * 365 * DAY), days=st.integers(0, 400))
def test_day_n_is_in_time_and_the_next_is_late(start: int, days: int) -> None:
    """The last microsecond of day N is before the deadline, the first of day N+1 is not."""
    due = reckon(Limit(days=days), start, ZONE).due_at

    assert ZONE.day(due - 1) - ZONE.day(start) == days
    assert ZONE.day(due) - ZONE.day(start) == days + 1
