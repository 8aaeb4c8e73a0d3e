"""The everyday stories: whole, of a piece, and no business of supervision."""

from __future__ import annotations

from collections import defaultdict

import pytest

from schemas.catalogue import Contracts
from schemas.identifiers import FORMATS
from schemas.instants import parse_instant
from services.simulator import cast
from services.simulator.background.telling import ROUND_CASES, background, publisher, scripts
from services.simulator.city import City, simulate
from services.simulator.story import Story
from tests.unit.services.simulator.test_city import MODEL_TYPES


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    """The everyday stories of one city."""
    return background(7, ROUND_CASES)


@pytest.fixture(scope="module")
def city() -> City:
    """A small city."""
    return simulate(7, 20)


def test_the_scripts_tell_everything_that_the_planted_stories_do_not() -> None:
    """Scripts and planted stories share no event type, and nothing is left over."""
    told = {line.type for script in scripts() for line in script.lines}

    assert told == set(Contracts.load().types()) - MODEL_TYPES


def test_an_event_is_published_by_its_own_agency(stories: list[Story]) -> None:
    """The organisation that speaks is of the kind that answers for the contract, or one the contract names."""
    contracts = Contracts.load()

    for story in stories:
        for event in story.events:
            contract = contracts.by_type(event.type)
            assert event.source == cast.records(publisher(contract), cast.SHOWN_DISTRICT)
            assert event.source in cast.background_sources()


def test_a_story_has_one_person_and_one_case_of_each_kind(stories: list[Story]) -> None:
    """Persons, police, intake, corrections and court numbers are the same in all events of a story."""
    kinds = ("police_case_number", "intake_number", "corrections_number", "court_case_number")
    contracts = Contracts.load()
    owners: dict[str, str] = {}
    for place, story in enumerate(stories):
        seen: dict[str, set[str]] = defaultdict(set)
        for event in story.events:
            for field in contracts.by_type(event.type).fields:
                if field.name not in event.data:
                    continue
                value, form = event.data[field.name], field.extras.get("format", "")
                if form in kinds:
                    assert FORMATS[form](value) == value
                    seen[form].add(value)
                elif field.name in {"person", "suspect"}:
                    seen["person"].add(value["id_number"])
        assert all(len(values) == 1 for values in seen.values()), story.kind
        for value in (v for values in seen.values() for v in values):
            assert owners.setdefault(value, f"{story.kind} {place}") == f"{story.kind} {place}"


def test_stories_of_minors_are_flagged(stories: list[Story]) -> None:
    """Where an event carries the flag, the person it is about was born in 2009 or later."""
    flagged = [story for story in stories if any("minor" in event.flags for event in story.events)]

    assert len(flagged) == 2
    for story in flagged:
        assert all(event.flags == ("minor",) for event in story.events)
        people = [event.data["person"]["id_number"] for event in story.events if "person" in event.data]
        assert people
        assert all(number[6:10] >= "2009" for number in people)


def test_what_a_story_tells_first_happens_first(stories: list[Story]) -> None:
    """The events of a story follow one another in time."""
    for story in stories:
        times = [event.at_us for event in story.events]
        assert times == sorted(set(times)), story.kind


def test_supervision_has_nothing_to_do_with_them(stories: list[Story]) -> None:
    """No type that M01 or M13 reads, no number of theirs, no statement for the truth file."""
    for story in stories:
        assert not {event.type for event in story.events} & MODEL_TYPES
        assert (story.alerts, story.near_misses, story.paths) == ((), (), ())


def test_a_larger_city_has_more_of_them(stories: list[Story]) -> None:
    """One round for every two hundred planted cases, one at least."""
    assert len(background(7, 1)) == len(scripts()) == len(stories)
    assert len(background(7, 2 * ROUND_CASES)) == 2 * len(stories)


def test_their_persons_and_enterprises_are_their_own(city: City) -> None:
    """Nobody stands both in an everyday story and in a planted one."""
    persons: dict[bool, set[str]] = {True: set(), False: set()}
    for delivery in city.deliveries:
        if delivery.event is not None:
            people = [v for v in delivery.event["data"].values() if isinstance(v, dict) and "id_number" in v]
            persons[delivery.source in cast.background_sources()] |= {p["id_number"] for p in people}

    assert persons[True]
    assert persons[False]
    assert not persons[True] & persons[False]


def test_everything_arrives_before_the_end(city: City) -> None:
    """An everyday event happens inside the city's days and arrives after it happened."""
    for delivery in city.deliveries:
        if delivery.event is not None:
            assert city.start_us <= parse_instant(delivery.event["time"]) < delivery.at_us < city.end_us
