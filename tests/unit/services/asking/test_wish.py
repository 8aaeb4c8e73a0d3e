"""Wishes: themes and whole types are written out, and everything that is wrong is told at once."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.catalogue import Contracts
from services.asking.preview import preview
from services.asking.wish import Ground, Wish, faults_of, wish_of

CONTRACTS = Contracts.load()
AGREED = "演会签〔2025〕1号"


def ground(holder: str = "") -> Ground:
    """Return what wishes are checked against; every name is `holder`'s."""
    return Ground(CONTRACTS, lambda _: holder, 3, date(2026, 1, 1))


def said(**changes: Any) -> dict[str, Any]:
    """Return a sound document with changes."""
    return {
        "subscription": "tax-990103-a",
        "purpose": "penalty-enforcement",
        "basis": "§40",
        "agreements": [AGREED],
        "themes": [],
        "types": ["prison.admitted"],
        "fields": {},
        "districts": ["990103"],
        "expires": "2027-01-01",
        "clearance": 2,
        "compartments": [],
    } | changes


def wish(**changes: Any) -> Wish:
    """Return the wish of a document."""
    return wish_of(said(**changes), "tax-990103", ground())


def codes(**changes: Any) -> set[str]:
    """Return the codes of a document's faults."""
    return {fault.code for fault in faults_of(wish(**changes), ground())}


def test_a_theme_and_a_whole_type_are_written_out() -> None:
    """What is approved is a list of fields of today; what a theme holds and is not shared is left out."""
    asked = wish(themes=["sentence_execution"], types=[])

    assert asked.fields["prison.admitted"] == ("ah", "person", "term_end", "unit")
    assert set(asked.fields) == {
        c.type for c in CONTRACTS.all() if "sentence_execution" in c.themes and c.share != "none"
    }
    assert not faults_of(asked, ground())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subscription": "court-990103-a"}, "asking.name"),
        ({"subscription": "tax-990103-a b"}, "asking.name"),
        ({"purpose": "Zhang San"}, "asking.purpose"),
        ({"basis": " "}, "asking.basis"),
        ({"agreements": []}, "asking.agreement"),
        ({"types": ["court.judgment.effective"], "agreements": ["another"]}, "asking.agreement"),
        ({"types": []}, "asking.nothing"),
        ({"types": ["no.such.type"]}, "asking.unknown_type"),
        ({"types": ["identity.recorded"]}, "asking.not_shared"),
        ({"fields": {"prison.admitted": ["no_such"]}}, "asking.unknown_field"),
        ({"districts": ["x"]}, "asking.districts"),
        ({"expires": "2026-01-01"}, "asking.expires"),
        ({"expires": "2026-13-01"}, "asking.expires"),
        ({"clearance": 4}, "asking.ceiling"),
        ({"compartments": ["no_such"]}, "asking.compartments"),
    ],
)
def test_each_fault_has_its_code(changes: dict[str, Any], code: str) -> None:
    """One thing wrong, one code."""
    assert codes(**changes) == {code}


def test_every_fault_is_told_at_once() -> None:
    """Nobody has to ask five times."""
    assert codes(purpose="", basis="", districts=["x"], expires="", types=[]) == {
        "asking.purpose",
        "asking.basis",
        "asking.districts",
        "asking.expires",
        "asking.nothing",
    }


def test_another_organisations_name_is_taken() -> None:
    """A name that somebody else receives by is refused, one's own is a change of it."""
    assert {f.code for f in faults_of(wish(), ground("court-990103"))} == {"asking.taken"}
    assert not faults_of(wish(), ground("tax-990103"))


def test_the_preview_says_of_each_wanted_field_how_often_and_why_not() -> None:
    """At clearance 2 a level 3 field is never given, with its reason; a higher clearance gives it, but not always."""
    rows = {
        clearance: {
            row["field"]: (row["given"], bool(row["why"]))
            for kind in preview(wish(clearance=clearance).principal(ZoneInfo("Asia/Shanghai")), CONTRACTS)
            for row in kind["fields"]
        }
        for clearance in (2, 3)
    }

    assert rows[2]["ah"] == ("always", False)
    assert rows[2]["term_end"] == ("never", True)
    assert rows[3]["term_end"] == ("case_by_case", True)
