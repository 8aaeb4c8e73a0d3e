"""The short way and the careful way read an event alike: the same values, or the same faults."""

from __future__ import annotations

import random
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import Contracts
from schemas.checks import PersonKey
from schemas.cloudevents import read, render
from schemas.contract import Contract
from schemas.event import Event
from schemas.examples import example
from schemas.faults import EventRefusedError, Fault
from schemas.identifiers import EXAMPLES, FORMATS, NORMAL, ChecksumError
from schemas.identifiers.person import IdNumber
from schemas.instants import legal_day, local_day, parse_instant
from schemas.validation import validate

CONTRACTS = Contracts.load()
ALL = [CONTRACTS.by_type(event_type) for event_type in CONTRACTS.types()]
NUMBERS = ("990103198908070015", "99010319890807001X", "  990103198908070015", "１")
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**63,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "é",
    "\ud800",
    "x" * 17,
    "x" * 18,
    "x" * 5000,
    "990103",
    "９９０１０３",
    "a" * 66,
    "01" + "ab" * 32,
    "2025-03-05",
    "2025-13-05",
    "2025-03-05T01:30:00Z",
    "2025-03-05T01:30:00",
    "A9901030100002025030001",
    "(2025)演0103刑初42号",
    "（2025）演0103刑初42号",
    [],
    ["x"],
    [None],
    {},
    {"x": 1},
    {"id_number": "x"},
    *({"id_number": number} for number in NUMBERS),
    *EXAMPLES.values(),
    b"\x00",
    "1.0",
    "minor, sealed",
    ["minor"],
    "ghost",
    3,
    9,
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890A5D-AC96-774B-BCCE-B302099A8057",
    "5b0a9d3e-7c55-4a52-9f3e-2f2f0f0e1c11",
    42,
    "42",
    "police.case.filed",
    "police-990103/cases",
    "CL264",
)


def person_key(number: str) -> bytes:
    """A stand-in for the keyed digest."""
    return b"\x01" + number.encode().ljust(32, b"\0")


def outcome(said: Any, key: PersonKey | None = person_key, taken_at: int | None = None) -> Event | tuple[Fault, ...]:
    """The event that is read, or its faults."""
    try:
        return read(said, CONTRACTS, person_key=key, taken_at=taken_at)
    except EventRefusedError as error:
        return error.faults


def damaged(source: random.Random, said: dict[str, Any]) -> dict[str, Any]:
    """An event with a few attributes and fields changed, left out or added."""
    made = {**said, "data": dict(said["data"])}
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        part = made if not isinstance(made.get("data"), dict) or source.random() < 0.4 else made["data"]
        name = source.choice([*part, "unknown", "flags", "supersedes", "recordedat", "withdrawn", "level", "sequence"])
        if source.random() < 0.15:
            part.pop(name, None)
        else:
            part[name] = source.choice(ODD)
    return made


@pytest.mark.parametrize("contract", ALL, ids=lambda contract: contract.key)
def test_a_sound_event_goes_the_short_way(contract: Contract) -> None:
    """The example of a contract, in its JSON form, is read without the careful way, to the same values."""
    data = render(example(contract), contract)["data"]
    day = legal_day(example(contract).occurred_at)

    values = contract.sound(data, person_key, day)

    assert values is not None
    assert (values, list[Fault]()) == validate(contract, data, person_key=person_key)
    assert list(values) == [field.name for field in contract.fields]


def test_both_ways_end_alike_for_damaged_events() -> None:
    """Whatever is wrong or unusual: a plain dict and another mapping (the careful way alone) give the same outcome."""
    source = random.Random(11)  # noqa: S311 - test data
    passed = 0
    for contract in ALL * 25:
        said = damaged(source, render(example(contract), contract))
        key, taken_at = source.choice((person_key, None)), source.choice((None, 7))

        short, careful = outcome(said, key, taken_at), outcome(MappingProxyType(said), key, taken_at)

        assert short == careful, said
        passed += isinstance(short, Event)
    assert passed > len(ALL)


def test_a_code_out_of_its_time_is_left_to_validation() -> None:
    """A code that ended before the event is no sound data."""
    coded = [(contract, name) for contract in ALL for name in contract.coded]
    contract, name = coded[0]
    data = render(example(contract), contract)["data"]

    assert contract.sound(data, person_key, legal_day(parse_instant("2025-03-05T00:00:00Z"))) is not None
    assert contract.sound(data, person_key, legal_day(parse_instant("1900-01-01T00:00:00Z"))) is None
    assert contract.sound({**data, name: "no such code"}, person_key, 20_000) is None


@pytest.mark.parametrize("name", sorted(NORMAL))
@given(data=st.data())
def test_what_fits_a_normal_pattern_is_its_own_normal_form(name: str, data: st.DataObject) -> None:
    """Text that fits the pattern of a format as it stands is what the format makes of it."""
    text = data.draw(st.from_regex(NORMAL[name], fullmatch=True))

    assert FORMATS[name](text) == text


@given(st.integers(-(2**40), 2**45).map(lambda seconds: seconds * 1_000), st.integers(0, 999))
def test_the_legal_day_as_a_number_is_the_legal_day(milliseconds: int, rest: int) -> None:
    """Days since 1970 by arithmetic are those by the calendar."""
    moment = milliseconds + rest

    assert legal_day(moment) == local_day(moment).toordinal() - 719_163


@given(st.integers(0, 99_999), st.dates(), st.integers(0, 999))
def test_an_identity_number_is_read_alike_tidy_and_untidy(district: int, birth: Any, sequence: int) -> None:
    """Full-width, lower case and blanks change nothing; another check character is refused."""
    if not 1800 <= birth.year <= 2099:
        birth = birth.replace(year=1900, day=1)
    number = IdNumber.of(f"9{district:05d}", birth, sequence).text
    wide = number.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"})

    assert IdNumber.parse(f" {number.lower()} ").text == IdNumber.parse(wide).text == number
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    with pytest.raises(ChecksumError):
        IdNumber.parse(wrong)
