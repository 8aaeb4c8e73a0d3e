"""Marks of the simulated city: regular, never going back, and truthful but for the reports that break them."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from schemas.clock import HOUR
from schemas.instants import parse_instant
from services.simulator import cast
from services.simulator.city import City, simulate
from services.simulator.heartbeats import BEAT


@pytest.fixture(scope="module")
def city() -> City:
    """A city that holds every story."""
    return simulate(4, 240)


def marks_of(city: City) -> dict[str, list[tuple[int, int]]]:
    """Collect (declared at, mark) by source."""
    marks: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for delivery in city.deliveries:
        if delivery.mark is not None:
            marks[delivery.source].append((delivery.at_us, delivery.mark))
    return marks


def test_marks_are_regular_and_never_go_back(city: City) -> None:
    """Each speaking source declares every six hours; a mark never falls and never runs ahead of the clock."""
    for source, marks in marks_of(city).items():
        moments = [at for at, _ in marks]
        assert [mark for _, mark in marks] == sorted(mark for _, mark in marks)
        assert all(mark <= at for at, mark in marks)
        if source != cast.SILENT_SOURCE:
            assert max(b - a for a, b in itertools.pairwise(moments)) <= BEAT


def test_every_source_but_the_silent_one_is_complete_at_the_end(city: City) -> None:
    """At the city's end every deadline is decided: each source is complete, the silent one stopped long before."""
    marks = marks_of(city)

    assert set(marks) == set(cast.sources())
    for source, declared in marks.items():
        if source == cast.SILENT_SOURCE:
            assert declared[-1][1] < cast.SILENCES[-1][0]
        else:
            assert declared[-1] == (city.end_us, city.end_us)


def test_only_late_reports_break_a_mark(city: City) -> None:
    """What arrives after its source declared it complete is exactly the late-reported stories of the truth."""
    broken: set[str] = set()
    declared: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for delivery in city.deliveries:
        if delivery.mark is not None:
            declared[delivery.source] = delivery.mark
        elif delivery.event is not None and delivery.event["id"] not in seen:
            seen.add(delivery.event["id"])
            if parse_instant(delivery.event["time"]) <= declared[delivery.source]:
                broken.add(delivery.event["subject"])
    late = {miss.subject for miss in city.truth.near_misses if miss.kind.endswith("reported_late")}

    assert broken == late
    assert len(late) > 2


def test_a_source_that_owes_something_says_so(city: City) -> None:
    """Some declarations stay behind the clock, because an event is on its way, never for longer."""
    declared = {source: marks for source, marks in marks_of(city).items() if source != cast.SILENT_SOURCE}
    behind = [at - mark for marks in declared.values() for at, mark in marks if mark < at]

    assert behind
    assert max(behind) <= 31 * HOUR
