"""Contracts: canonical order, classes, levels and the digest; and what the first contracts promise."""

from __future__ import annotations

import json
from dataclasses import replace

import avro.schema
import pytest

from schemas.catalogue import Contracts
from schemas.contract import FLAGS, HIDING_FLAGS, PERSONS, Contract, Field, canonical_order

CONTRACTS = Contracts.load()
M01 = (
    "police.report.accepted",
    "police.review.extended",
    "police.case.filed",
    "police.case.filing_declined",
    "police.case.referred",
)
M13 = (
    "court.judgment.effective",
    "court.execution_notice.sent",
    "court.temp_release.decided",
    "detention.served",
    "police.custody.delivered",
    "police.wanted.issued",
    "prison.admitted",
    "prison.admission.refused",
)


def field(name: str, level: int, about: str = "", flags: frozenset[str] = frozenset()) -> Field:
    """A field with a label."""
    return Field(name, "string", level, flags, about, "字段", "field", "", "a system", nullable=False)


def test_fields_are_sorted_by_label_and_keep_their_order_inside() -> None:
    """Level first, then flags, then about; inside a class the file's order stays."""
    fields = [
        field("d", 3, "suspect"),
        field("a", 2),
        field("c", 3),
        field("b", 2),
        field("e", 3, "", frozenset({"spi"})),
    ]

    assert [f.name for f in canonical_order(fields)] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("contract", CONTRACTS.all(), ids=lambda c: c.key)
def test_classes_cover_the_fields_in_order(contract: Contract) -> None:
    """Each field stands in the class of its label, and classes joined are the canonical order."""
    names = [f.name for c in contract.classes for f in c.fields]

    assert names == [f.name for f in contract.fields] == [row["name"] for row in contract.schema["fields"]]
    for c in contract.classes:
        assert {f.label for f in c.fields} == {(c.level, tuple(sorted(c.flags)), c.about)}
        assert all(contract.class_of[f.name] == c.index for f in c.fields)
    assert contract.level == max(c.level for c in contract.classes)


@pytest.mark.parametrize("contract", CONTRACTS.all(), ids=lambda c: c.key)
def test_the_served_schema_is_avro(contract: Contract) -> None:
    """The reference implementation reads the canonical schema under its full name."""
    parsed = avro.schema.parse(json.dumps(contract.schema))

    assert f"{parsed.get_prop('namespace')}.{parsed.get_prop('name')}" == contract.fullname


@pytest.mark.parametrize("contract", CONTRACTS.all(), ids=lambda c: c.key)
def test_case_references_are_level_2_and_persons_level_3(contract: Contract) -> None:
    """References join agencies at level 2; whatever is about a person or an enterprise is level 3 at least."""
    assert contract.by_name[contract.subject_field].level == 2
    assert contract.subject_field in contract.case_refs
    for f in contract.fields:
        assert (f.level >= 3) or not f.about, f.name
        if isinstance(f.base_type, dict) and f.base_type.get("name") == "casebus.types.PersonKey":
            assert f.about in PERSONS


@pytest.mark.parametrize("event_type", M01)
def test_filing_events_share_the_acceptance_number(event_type: str) -> None:
    """The model keys on jjdbh, and reads unit, limits and times without going above level 2."""
    contract = CONTRACTS.by_type(event_type)

    assert contract.subject_field == "jjdbh"
    assert contract.by_name["unit"].level == 2
    wanted = {"case_kind", "accepted_at", "limit_days", "approver_level", "to_unit", "filed_at"}
    assert {f.level for f in contract.fields if f.name in wanted} <= {2}


@pytest.mark.parametrize("event_type", M13)
def test_delivery_events_carry_case_number_and_person(event_type: str) -> None:
    """The pair of court case number (level 2) and person key (level 3) is the model's key, in every event of it."""
    contract = CONTRACTS.by_type(event_type)

    assert contract.subject_field == "ah"
    assert contract.by_name["person"].level == 3
    wanted = {"unit", "effective_date", "served_at", "remaining_days", "remaining_days_at_delivery"}
    assert {f.level for f in contract.fields if f.name in wanted} == {2}


def test_wanted_reasons_are_of_an_open_investigation() -> None:
    """The reason of a wanted notice is restricted and flagged, and so is the type's ceiling."""
    contract = CONTRACTS.by_type("police.wanted.issued")

    assert contract.by_name["reason"].flags == {"investigation_open"}
    assert contract.level == 4


def test_fines_put_only_the_officer_above_level_2() -> None:
    """In the fines log the officer is a person; vehicle, article and money are internal."""
    contract = CONTRACTS.by_type("traffic.fine.created")

    assert {f.name for f in contract.fields if f.level > 2} == {"officer"}
    assert contract.by_name["officer"].about == "officer"
    assert contract.subject_field == "case_id"


def test_a_class_about_a_person_can_be_raised() -> None:
    """Suspects and officers are persons; an enterprise and nobody are not."""
    contract = CONTRACTS.by_type("police.case.filed")

    assert [c.about for c in contract.classes if c.about_person] == ["suspect"]
    assert HIDING_FLAGS < FLAGS


def test_the_digest_sees_labels_and_not_words() -> None:
    """A level, a flag, an order or a type changes the digest; a description does not."""
    contract = CONTRACTS.by_type("police.case.filed")
    first, *rest = contract.fields

    def with_first(changed: Field) -> bytes:
        return replace(contract, fields=(changed, *rest)).digest

    assert len(contract.digest) == 32
    assert with_first(replace(first, zh="别的", doc="other")) == contract.digest
    others = {
        with_first(replace(first, level=1)),
        with_first(replace(first, flags=frozenset({"spi"}))),
        with_first(replace(first, about="party")),
        with_first(replace(first, avro_type="bytes")),
        replace(contract, fields=(*rest, first)).digest,
        replace(contract, version=9).digest,
    }
    assert len(others) == 6
    assert contract.digest not in others
