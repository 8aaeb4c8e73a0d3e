"""Shared types: aliases hand on their attributes, members of records are checked, and a wrong one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas import catalogue
from schemas.catalogue import Contracts
from schemas.cloudevents import data_to_json
from schemas.examples import example
from schemas.validation import validate
from tests.unit.schemas.versions import changed, field, write

DOCKETED = Contracts.load().by_type("court.case.docketed")


def test_an_alias_stands_for_its_type_and_hands_on_its_attributes() -> None:
    """Money is a long of at least zero cents in every contract; the served schema knows only the long."""
    amount = DOCKETED.by_name["amount_cents"]

    assert amount.avro_type == ["null", "long"]
    assert amount.extras == {"unit": "yuan cent", "min": 0}
    assert "casebus.types.Cents" not in json.dumps(DOCKETED.schema)


def test_members_of_a_shared_record_are_checked() -> None:
    """A party's code with a wrong check character is a fault of its place, and a negative amount one of its own."""
    data = data_to_json(DOCKETED, example(DOCKETED).data)
    data["parties"] = [
        {"role": "plaintiff", "uscc": "91990101MA0000015C"},
        {"role": "defendant", "uscc": "91990101MA0000016C"},
    ]

    _, faults = validate(DOCKETED, {**data, "amount_cents": -1})

    assert sorted((f.path, f.code) for f in faults) == [
        ("$.data.amount_cents", "event.range"),
        ("$.data.parties[1].uscc", "identifier.checksum"),
    ]


def test_lists_of_texts_are_checked_one_by_one() -> None:
    """A code list or a format named on a list holds for its items."""
    contract = Contracts.load().by_type("proc.prosecution.filed")
    data = data_to_json(contract, example(contract).data)

    _, faults = validate(contract, {**data, "charges": ["CL264", "CL999"]})

    assert [(f.path, f.code) for f in faults] == [("$.data.charges[1]", "event.code")]


def write_type(root: Path, name: str, raw: dict[str, Any]) -> None:
    """Put a shared type into a folder."""
    (root / "types").mkdir(exist_ok=True)
    (root / "types" / f"{name}.avsc").write_text(json.dumps(raw), encoding="utf-8")


def test_a_type_may_use_one_that_comes_later(tmp_path: Path) -> None:
    """The order of files is no matter."""
    write_type(
        tmp_path,
        "Aaa",
        {
            "type": "record",
            "name": "Aaa",
            "namespace": "casebus.types",
            "fields": [{"name": "z", "type": "casebus.types.Zzz"}],
        },
    )
    write_type(tmp_path, "Zzz", {"type": "fixed", "name": "Zzz", "namespace": "casebus.types", "size": 2})
    write(tmp_path, changed(lambda raw: raw["fields"].append(field("a", "casebus.types.Aaa"))))

    assert [f.code for f in catalogue.survey(tmp_path).faults] == ["contract.id"]


def test_a_type_under_another_name_or_with_an_unknown_part_is_named(tmp_path: Path) -> None:
    """File and type agree; what a type uses must be there."""
    write_type(tmp_path, "One", {"type": "fixed", "name": "Two", "namespace": "casebus.types", "size": 2})
    write_type(tmp_path, "Lost", {"type": "array", "items": "casebus.types.Nowhere"})

    faults = {(f.fields["file"], f.code) for f in catalogue.survey(tmp_path).faults}

    assert faults == {("types/One.avsc", "contract.name"), ("types/Lost.avsc", "contract.type")}


def test_an_unknown_format_of_a_member_is_named(tmp_path: Path) -> None:
    """The member's own attributes obey the same rules as a field's."""
    member = {"name": "z", "type": "string", "casebus.format": "no_such_format"}
    raw = field("a", {"type": "record", "name": "Part", "fields": [member]})
    write(tmp_path, changed(lambda r: r["fields"].append(raw), version=1))

    faults = catalogue.survey(tmp_path).faults

    assert [(f.code, f.fields["field"]) for f in faults][:1] == [("contract.attribute", "a.z")]
