"""The simulated city: it repeats, it is well formed, and every kind of story is in it."""

from __future__ import annotations

import random
import uuid
from collections import Counter, defaultdict

import pytest

from schemas.catalogue import Contracts
from schemas.clock import HOUR
from schemas.cloudevents import read
from schemas.districts import CITY, unit
from schemas.event import derived_id
from schemas.identifiers import FORMATS, IdNumber
from schemas.instants import parse_instant
from services.simulator import cast
from services.simulator.city import City, simulate
from services.simulator.deck import KINDS
from services.simulator.delivery import Delivery

CASES = 240
MODEL_TYPES = {
    "police.report.accepted",
    "police.review.extended",
    "police.case.filed",
    "police.case.filing_declined",
    "police.case.referred",
    "police.custody.delivered",
    "police.wanted.issued",
    "detention.served",
    "court.judgment.effective",
    "court.execution_notice.sent",
    "court.temp_release.decided",
    "prison.admitted",
    "prison.admission.refused",
}
"""What M01 and M13 read."""


@pytest.fixture(scope="module")
def city() -> City:
    """A city that holds every story."""
    return simulate(11, CASES)


def lines(city: City) -> list[str]:
    """Render the deliveries as the events file has them."""
    return [delivery.as_line() for delivery in city.deliveries]


def first_arrivals(city: City) -> dict[str, Delivery]:
    """Map each event's id to its first arrival."""
    arrivals: dict[str, Delivery] = {}
    for delivery in city.deliveries:
        if delivery.event is not None:
            arrivals.setdefault(delivery.event["id"], delivery)
    return arrivals


def planted(city: City) -> list[Delivery]:
    """Return the first arrivals of the planted stories' events: those of supervision, without the everyday ones."""
    return [d for d in first_arrivals(city).values() if d.source not in cast.background_sources()]


def occurred_us(delivery: Delivery) -> int:
    """Read when an event happened from its envelope."""
    assert delivery.event is not None
    return parse_instant(delivery.event["time"])


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Seed and size decide everything; another seed gives another city."""
    first, again, other = simulate(5, 60), simulate(5, 60), simulate(6, 60)

    assert lines(first) == lines(again)
    assert first.truth == again.truth
    assert lines(first) != lines(other)


def test_the_city_leaves_the_global_generator_alone() -> None:
    """The city has a generator of its own."""
    before = random.getstate()

    simulate(5, 5)

    assert random.getstate() == before


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_story_is_told(seed: int) -> None:
    """A city of two hundred cases holds every kind of story, and each of them states something."""
    truth = simulate(seed, 200).truth
    stated = Counter(alert.kind for alert in truth.alerts) + Counter(miss.kind for miss in truth.near_misses)

    assert set(truth.kinds) == set(KINDS)
    assert all(stated[kind] > 0 for kind in KINDS)


def test_every_final_state_is_planted(city: City) -> None:
    """Raised, unconfirmed and overdue-done all stand in the truth, for each model that can reach them."""
    planted = {(alert.model, alert.state) for alert in city.truth.alerts}

    assert planted == {
        ("M01", "raised"),
        ("M01", "unconfirmed"),
        ("M01", "overdue_done"),
        ("M13-notice", "raised"),
        ("M13-notice", "overdue_done"),
        ("M13-delivery", "raised"),
        ("M13-delivery", "overdue_done"),
    }


def test_every_event_fits_its_contract(city: City) -> None:
    """Every event is a CloudEvent that its contract accepts, once the gateway turned person numbers into keys."""
    contracts = Contracts.load()

    for delivery in first_arrivals(city).values():
        event = read(delivery.event, contracts, person_key=lambda _: b"\x01" * 33)
        assert (event.source, event.occurred_at) == (delivery.source, occurred_us(delivery))


def test_every_type_of_the_two_models_is_published(city: City) -> None:
    """The planted stories speak every event type that M01 and M13 know, and no other."""
    types = {delivery.event["type"] for delivery in planted(city) if delivery.event is not None}

    assert types == MODEL_TYPES


@pytest.mark.parametrize(("seed", "cases"), [(7, 200), (7, 80), (3, len(KINDS))])
def test_every_contract_is_spoken(seed: int, cases: int) -> None:
    """Cities of the default sizes, and every city that holds each planted story, speak the whole catalogue."""
    types = {delivery.event["type"] for delivery in simulate(seed, cases).deliveries if delivery.event is not None}

    assert types == set(Contracts.load().types())


def test_persons_are_of_region_99(city: City) -> None:
    """Every identity number is valid and registered in region 99."""
    numbers = [
        value["id_number"]
        for delivery in city.deliveries
        if delivery.event is not None
        for value in delivery.event["data"].values()
        if isinstance(value, dict) and "id_number" in value
    ]

    assert len(numbers) > CASES / 2
    assert all(str(IdNumber.parse(number)) == number and number.startswith("9901") for number in numbers)


def test_case_numbers_are_in_their_normal_form(city: City) -> None:
    """Case numbers of police and courts are well formed and unique to one case."""
    owners: dict[str, set[str]] = defaultdict(set)
    for delivery in planted(city):
        assert delivery.event is not None
        data = delivery.event["data"]
        kind = "acceptance_number" if "jjdbh" in data else "court_case_number"
        number = data.get("jjdbh") or data["ah"]
        assert FORMATS[kind](number) == number == delivery.event["subject"]
        if "person" in data:
            owners[number].add(data["person"]["id_number"])

    assert all(len(persons) == 1 for persons in owners.values())


def test_every_unit_stands_in_the_directory(city: City) -> None:
    """Every unit named by an event is known, and belongs to the event's district or to the city."""
    for delivery in planted(city):
        assert delivery.event is not None
        assert unit(delivery.event["data"]["unit"]).district in {delivery.event["district"], CITY}


def test_ids_and_sequences_are_the_sources_own(city: City) -> None:
    """An id is derived from source and sequence; a source's sequence has no gap and no repeat."""
    sequences: dict[str, list[str]] = defaultdict(list)
    for delivery in first_arrivals(city).values():
        assert delivery.event is not None
        sequence = delivery.event["sequence"]
        assert uuid.UUID(delivery.event["id"]).bytes == derived_id(delivery.source, sequence)
        sequences[delivery.source].append(sequence)

    for numbers in sequences.values():
        assert [int(number) for number in sorted(numbers)] == list(range(1, len(numbers) + 1))


def test_sequences_follow_the_order_of_entry(city: City) -> None:
    """In a source a later number never belongs to an earlier happening, but for reports that were made late."""
    late = {trigger for path in city.truth.paths if "closed_by_late_report" in path.states for trigger in path.triggers}
    subjects = {d.event["subject"] for i, d in first_arrivals(city).items() if i in late and d.event is not None}
    by_source: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in first_arrivals(city).values():
        if delivery.event is not None and delivery.event["subject"] not in subjects:
            by_source[delivery.source].append(delivery)

    for deliveries in by_source.values():
        deliveries.sort(key=lambda d: d.event["sequence"] if d.event else "")
        times = [occurred_us(delivery) for delivery in deliveries]
        assert times == sorted(times)


def test_nothing_arrives_before_it_happened(city: City) -> None:
    """Every event arrives after it happened and before the city ends; arrivals stand in their order."""
    moments = [delivery.at_us for delivery in city.deliveries]

    assert moments == sorted(moments)
    assert all(d.at_us > occurred_us(d) and d.at_us < city.end_us for d in city.deliveries if d.event is not None)


def test_arrival_is_not_order(city: City) -> None:
    """Some events overtake earlier ones of their case, some come a day late, some come twice with the same bytes."""
    arrivals = first_arrivals(city)
    by_case: dict[str, list[int]] = defaultdict(list)
    for delivery in arrivals.values():
        assert delivery.event is not None
        by_case[delivery.event["subject"]].append(occurred_us(delivery))
    copies: dict[str, set[str]] = defaultdict(set)
    repeats: Counter[str] = Counter()
    for delivery in city.deliveries:
        if delivery.event is not None:
            copies[delivery.event["id"]].add(str(delivery.event))
            repeats[delivery.event["id"]] += 1

    assert sum(times != sorted(times) for times in by_case.values()) > 2
    assert sum(d.at_us - occurred_us(d) > 24 * HOUR for d in arrivals.values()) > 2
    assert max(repeats.values()) == 2
    assert all(len(payloads) == 1 for payloads in copies.values())


def test_the_silent_source_is_silent(city: City) -> None:
    """Nothing is heard of the silent source inside its silences, and everything of them once it speaks again."""
    heard = [delivery.at_us for delivery in city.deliveries if delivery.source == cast.SILENT_SOURCE]

    for silence in cast.silences():
        assert not [at for at in heard if silence.since <= at < silence.until]
    assert any(cast.SILENCES[0][1] <= at < cast.SILENCES[1][0] for at in heard)


def test_events_that_nobody_may_open_carry_their_flags(city: City) -> None:
    """Flags travel with the event: searches are part of an open investigation, some suspects are minors."""
    flags = {
        (delivery.event["type"], *filter(None, delivery.event.get("flags", "").split(",")))
        for delivery in city.deliveries
        if delivery.event is not None
    }

    assert ("police.wanted.issued", "investigation_open") in flags
    assert ("police.wanted.issued",) not in flags
    assert ("police.report.accepted", "minor") in flags
