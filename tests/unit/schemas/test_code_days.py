"""Codes hold from a day, and perhaps to a day: checked against the day of the event."""

from __future__ import annotations

from datetime import date

import pytest

from schemas.catalogue import Contracts
from schemas.cloudevents import data_to_json, read, render
from schemas.examples import example
from schemas.faults import EventRefusedError
from schemas.instants import MAX_INSTANT, MIN_INSTANT, local_day, parse_instant
from schemas.validation import validate

CONTRACTS = Contracts.load()
FILED = CONTRACTS.by_type("police.case.filed")
PROSECUTED = CONTRACTS.by_type("proc.prosecution.filed")


@pytest.mark.parametrize(("day", "wrong"), [(date(2011, 4, 30), True), (date(2011, 5, 1), False), (None, False)])
def test_a_code_counts_from_its_first_day(day: date | None, wrong: bool) -> None:  # noqa: FBT001 - a case
    """Dangerous driving is a crime since 2011-05-01; without a day only the list is asked."""
    data = {**data_to_json(FILED, example(FILED).data), "charge_code": "CL133-1"}

    _, faults = validate(FILED, data, day=day)

    assert [(f.path, f.code) for f in faults] == ([("$.data.charge_code", "event.code_day")] if wrong else [])


def test_each_code_of_a_list_is_checked() -> None:
    """The place in the list is named."""
    data = {**data_to_json(PROSECUTED, example(PROSECUTED).data), "charges": ["CL264", "CL133-1"]}

    _, faults = validate(PROSECUTED, data, day=date(2010, 1, 1))

    assert [(f.path, f.code) for f in faults] == [("$.data.charges[1]", "event.code_day")]


def test_an_event_is_read_by_the_day_it_happened() -> None:
    """The last evening before in UTC is the first day in China: the legal day counts."""
    event = render(example(FILED), FILED)
    event["data"]["charge_code"] = "CL133-1"

    assert read({**event, "time": "2011-04-30T16:00:00Z"}, CONTRACTS).type == FILED.type
    with pytest.raises(EventRefusedError) as caught:
        read({**event, "time": "2011-04-30T15:59:59Z"}, CONTRACTS)
    assert [f.code for f in caught.value.faults] == ["event.code_day"]


def test_the_legal_day_of_any_instant() -> None:
    """Eight hours ahead of UTC; the edges of what a date can hold stay on the edge."""
    assert local_day(parse_instant("2025-03-05T16:00:00Z")) == date(2025, 3, 6)
    assert local_day(MIN_INSTANT) == date.min
    assert local_day(MAX_INSTANT) == date.max
