"""The linter of mappings: what the door would refuse is told before a row is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.catalogue import Contracts
from services.importer.facts import facts
from services.importer.linting import lint_mapping
from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from services.importer.reader import portions

GOOD = """
mapping: 1
name: reports
source: police-990103/cases
zone: Asia/Shanghai
activity: kind
time: {column: at}
subject: {column: nr}
district: {value: "990103"}
sequence: [id]
table: {name: reports, key: id}
events:
  closed:
    type: police.person.deceased
    fields:
      register_no: {column: nr}
      unit: {column: unit}
      source: {column: src, codes: {H: hospital, C: court}}
      person: {column: sfz, as: person}
      death_date: {column: died, as: day}
"""


def codes(folder: Path, text: str) -> list[tuple[str, str]]:
    """Return path and code of every finding."""
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return [(finding.path, finding.code) for finding in lint_mapping(path, Contracts.load())]


def test_a_whole_mapping_is_clean(tmp_path: Path) -> None:
    """Nothing to say, not for the example either."""
    assert codes(tmp_path, GOOD) == []
    assert lint_mapping(Path("examples/road-fines/mapping.yaml"), Contracts.load()) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("sequence: [id]\n", "", "$.sequence", "no_sequence"),
        ('"990103"}', '"none"}', "$.district.value", "district"),
        ("key: id", "key: sfz", "$.table.key", "person_key"),
        ("police.person.deceased", "police.person.promoted", "$.events.closed.type", "type"),
        ("unit: {column: unit}", "office: {column: unit}", "$.events.closed.fields.office", "field"),
        ("      unit: {column: unit}\n", "", "$.events.closed.fields", "missing"),
        ("as: day", "as: instant", "$.events.closed.fields.death_date.as", "kind"),
        ("as: person", "as: text", "$.events.closed.fields.person.as", "kind"),
        ("C: court", "C: coroner", "$.events.closed.fields.source.codes.C", "code"),
        ("_no: {column: nr}", "_no: {column: id}", "$.events.closed.fields.register_no.column", "subject"),
        ("mapping: 1", "mapping: 2", "$.mapping", "form"),
        ("Asia/Shanghai", "Asia/Nowhere", "$.zone", "form"),
        ("mapping: 1", "mapping: [", "line 5", "form"),
    ],
)  # fmt: skip
def test_each_fault_is_named_by_its_place(tmp_path: Path, old: str, new: str, path: str, code: str) -> None:
    """A path into the file and a code; a message in both languages."""
    found = codes(tmp_path, GOOD.replace(old, new))

    assert (path, f"importer.lint.{code}") in found or code == "form"
    assert f"importer.lint.{code}" in {c for _, c in found}
    for finding in lint_mapping(tmp_path / "mapping.yaml", Contracts.load()):
        told = finding.as_dict()
        assert told["zh"] != told["en"]
        assert told["error"] == (code != "no_sequence")


def test_a_person_goes_to_the_door_as_a_number_and_into_a_backtest_as_a_stand_in(tmp_path: Path) -> None:
    """The door replaces the number by a key; without a node one number is one key of 33 bytes, and not the number."""
    (tmp_path / "mapping.yaml").write_text(GOOD, encoding="utf-8")
    rows = ["id,kind,at,no,nr,unit,src,sfz,died"]
    rows += [f"{n},closed,2025-03-05T09:00:00,x,R{n},990103010000,H,990101198503070017,2025-03-04" for n in (1, 2)]
    log = tmp_path / "log.csv"
    log.write_text("\n".join([*rows, ""]), encoding="utf-8")
    mapping = load_mapping(tmp_path / "mapping.yaml")

    (portion,) = portions(mapping, open_file(mapping, log))
    first, second = facts(mapping, log, mapping.types, {"police.person.deceased": {"person"}})

    assert portion.events[0]["data"]["person"] == {"id_number": "990101198503070017"}
    assert first.data["person"] == second.data["person"]
    assert len(first.data["person"]) == 33
    assert b"990101198503070017" not in first.data["person"]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Neither the schema's nor the contract's faults stop at the first."""
    twice = GOOD.replace("mapping: 1", "mapping: 2").replace("zone: Asia/Shanghai\n", "")

    assert len(codes(tmp_path, twice)) == 2
    assert len(codes(tmp_path, GOOD.replace("as: day", "as: text").replace("as: person", "as: text"))) == 2
