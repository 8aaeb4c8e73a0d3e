"""Words of the pages: complete in both languages, times as people say them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import services.console
from schemas.catalogue import Contracts
from schemas.instants import parse_instant
from schemas.texts import LANGUAGES, Language, catalogue
from services.console.tones import SEVERITIES
from services.console.words import Words, deadline, instant, moment, second, utc
from services.desk.board import STATES

CONSOLE = Path(services.console.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")
CALL = re.compile(r'words\(\s*f?"([a-z0-9_.]+)"')


def texts() -> dict[str, dict[str, str]]:
    """Return the console's texts."""
    return {key: entry for key, entry in catalogue().items() if key.startswith("console.")}


def test_every_text_stands_in_both_languages_with_the_same_placeholders() -> None:
    """A page never shows half a sentence or a bare placeholder."""
    for key, entry in texts().items():
        assert entry["zh"], key
        assert entry["en"], key
        assert set(PLACEHOLDER.findall(entry["zh"])) == set(PLACEHOLDER.findall(entry["en"])), key


def test_every_text_a_page_asks_for_exists() -> None:
    """Each literal key in the console's code is in the catalogue."""
    asked = {key for path in CONSOLE.glob("*.py") for key in CALL.findall(path.read_text(encoding="utf-8"))}

    assert len(asked) > 50
    assert sorted(key for key in asked if f"console.{key}" not in catalogue()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_and_severity_has_a_word(language: Language) -> None:
    """A sign stands beside the word."""
    words = Words(language)

    assert all("console." not in words(f"state.{state}") for state in STATES)
    assert all(len(words.severity(severity).split(" ")) == 2 for severity in SEVERITIES)


@pytest.mark.parametrize("field", ["case_kind", "approver_level", "penalty", "wanted_level"])
def test_every_symbol_of_the_citys_models_has_a_word(field: str) -> None:
    """What the models of the simulated city read is shown in words; any other symbol shows itself."""
    types = ("police.report.accepted", "police.review.extended", "court.judgment.effective", "police.wanted.issued")
    found = [contract.by_name[field] for contract in map(Contracts.load().by_type, types) if field in contract.by_name]

    symbols = [symbol for each in found for symbol in each.base_type["symbols"]]

    assert symbols
    assert [symbol for symbol in symbols if f"console.code.{field}.{symbol}" not in catalogue()] == []


def test_times_are_shown_in_the_citys_zone() -> None:
    """Asia/Shanghai on the page, UTC beside it."""
    at = parse_instant("2025-03-03T16:30:05Z")

    assert moment(at) == "2025-03-04 00:30"
    assert second(at) == "2025-03-04 00:30:05"
    assert utc(at) == "2025-03-03T16:30:05Z"
    assert moment(None) == "—"


def test_a_limit_ends_at_24_00_of_its_last_day() -> None:
    """The first instant that is too late is said as the end of the day before."""
    assert deadline(parse_instant("2025-03-10T16:00:00Z")) == "2025-03-10 24:00"
    assert deadline(parse_instant("2025-03-10T16:01:00Z")) == "2025-03-11 00:01"


def test_what_a_person_types_is_a_time_of_the_city() -> None:
    """A `datetime-local` value has no zone: it is the city's."""
    assert instant("2025-03-04T00:30") == parse_instant("2025-03-03T16:30:00Z")
    assert instant("nonsense") is None


def test_names_fall_back_to_codes() -> None:
    """An unknown unit, source, role or reason shows itself: no page fails over a name."""
    words = Words("en")

    assert words.place("990199999999") == "990199999999"
    assert words.source("elsewhere/system") == "elsewhere/system"
    assert words.role("NEW_ROLE") == "NEW_ROLE"
    assert words.why("new_reason") == "not allowed (new_reason)"
    assert words.why("case_not_bound") != "not allowed (case_not_bound)"
