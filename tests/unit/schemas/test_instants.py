"""Times as text: only instants with a zone, to the microsecond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import (
    MAX_DAY,
    MAX_INSTANT,
    MIN_DAY,
    MIN_INSTANT,
    format_day,
    format_instant,
    parse_day,
    parse_instant,
)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-03-03T09:30:00+08:00", 1_740_965_400_000_000),
        ("2025-03-03t01:30:00.000001z", 1_740_965_400_000_001),
        ("2025-03-03 01:30:00.5Z", 1_740_965_400_500_000),
        ("1969-12-31T23:59:59.999999Z", -1),
    ],
)
def test_known_instants(text: str, us: int) -> None:
    """Zones, fractions and times before the epoch give the same microseconds everywhere."""
    assert parse_instant(text) == us


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-03",
        "2025-03-03T09:30:00",
        "2025-03-03T09:30Z",
        "2025-02-30T09:30:00Z",
        "2025-03-03T24:00:01Z",
        "2025-03-03T09:30:60Z",
        "2025-03-03T09:30:00.1234567Z",
        "2025-03-03T09:30:00+0800",
        "20250303T093000Z",
        "0000-01-01T00:00:00Z",
        "2025-03-03T09:30:00Z ",
        "２０２５-03-03T09:30:00Z",
        "",
    ],
)
def test_other_texts_are_no_instants(text: str) -> None:
    """A time without a zone, a day that does not exist or a finer fraction is refused, never guessed."""
    with pytest.raises(ValueError):
        parse_instant(text)


@given(st.integers(MIN_INSTANT, MAX_INSTANT))
def test_instants_come_back(us: int) -> None:
    """Every microsecond of the years 1 to 9999 survives as text."""
    assert parse_instant(format_instant(us)) == us


@given(st.integers(MIN_DAY, MAX_DAY))
def test_days_come_back(days: int) -> None:
    """Every day survives as text."""
    assert parse_day(format_day(days)) == days


@pytest.mark.parametrize("text", ["2025-02-29", "2025-3-3", "20250303", "2025-W10-1", ""])
def test_other_texts_are_no_days(text: str) -> None:
    """Only `YYYY-MM-DD` of a day that exists."""
    with pytest.raises(ValueError):
        parse_day(text)
