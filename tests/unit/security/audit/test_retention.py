"""The policy of retention: its form, its years, and what a hold touches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import DAY
from security.audit.record import Entry, Sealed
from security.audit.retention import FOREVER, Reckoning, RecordHold, Retention, RetentionFormError, years_after

CASE = "cd" * 32
MOMENTS = st.integers(0, 4_000_000_000_000_000)


def us(text: str) -> int:
    """Return a moment in UTC as microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({}, "default"),
        ({"default": 0}, "default"),
        ({"default": 201}, "default"),
        ({"default": True}, "expected"),
        ({"default": 3, "acts": {"relaese": 3}}, "relaese"),
        ({"default": 3, "acts": {"release": 0}}, "release"),
        ({"default": 3, "archive": "archive"}, "archive"),
        ({"default": 3, "holds": []}, "holds"),
    ],
)
def test_what_is_no_policy_is_refused(body: dict[str, Any], what: str) -> None:
    """Years below one, an act nobody knows, a folder that depends on where one stands, a key too many."""
    with pytest.raises(RetentionFormError) as caught:
        Retention.of(body)
    assert what in str(caught.value.fields["what"]).lower()


def test_a_policy_has_one_form() -> None:
    """Read and rendered it is the same, whatever order its acts came in."""
    body = {"default": 3, "acts": {"tick": 1, "release": 30}, "archive": "/srv/a"}
    assert list(Retention.of(body).body()["acts"]) == ["release", "tick"]
    assert Retention.of(Retention.of(body).body()) == Retention.of(body)


@given(at=MOMENTS, later=MOMENTS, years=st.integers(1, 200), more=st.integers(0, 200))
def test_years_grow_with_time_and_with_years(at: int, later: int, years: int, more: int) -> None:
    """Monotone in both; a year is 365 or 366 days; the time of the day stays."""
    ends = years_after(at, years)
    assert 365 * years * DAY <= ends - at <= 366 * years * DAY
    assert (ends - at) % DAY == 0
    assert years_after(max(at, later), min(years + more, 200)) >= ends or later < at


def test_the_calendar_decides() -> None:
    """The same date later; the day that is not there becomes the first of March; forever stays forever."""
    assert years_after(us("2021-05-06T07:08:09"), 10) == us("2031-05-06T07:08:09")
    assert years_after(us("2024-02-29T23:00:00"), 1) == us("2025-03-01T23:00:00")
    assert years_after(us("2024-02-29T23:00:00"), 4) == us("2028-02-29T23:00:00")
    assert years_after(FOREVER, 1) == FOREVER


def test_the_longest_kept_record_decides_and_one_hold_holds_all() -> None:
    """By act, by case, by time, by a person whose names are held in the vault."""
    records = [
        Entry(act="release", ts=us("2020-01-01")),
        Entry(act="open", ts=us("2021-01-01"), case=CASE, pii=(Sealed("c" * 64, "k" * 32),)),
    ]
    policy = Retention(default=5, acts={"release": 10})

    def reckoned(*holds: RecordHold, persons: dict[str, str] | None = None) -> Reckoning:
        reckoning = Reckoning(policy, holds, persons or {})
        for record in records:
            reckoning.take([record])
        return reckoning

    assert reckoned().ends == us("2030-01-01")
    assert reckoned().held == ()
    assert reckoned(RecordHold("a", "li", 0, case=CASE), RecordHold("b", "li", 0, case="00" * 32)).held == ("a",)
    assert reckoned(RecordHold("a", "li", 0, until=us("2019-12-31"))).held == ()
    assert reckoned(RecordHold("a", "li", 0, since=us("2020-06-01"), until=us("2021-01-01"))).held == ("a",)
    assert reckoned(persons={"k" * 32: "v-1", "x" * 32: "v-2"}).held == ("v-1",)
