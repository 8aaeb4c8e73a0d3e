"""`casebus contract`: one JSON document, exit codes, and text for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.catalogue import BUNDLED, Contracts
from schemas.cloudevents import read
from services.cli.app import app

CONTRACTS = Contracts.load()


def call(*arguments: str, code: int = 0) -> str:
    """Run a command and return its stdout."""
    result = CliRunner().invoke(app, ["contract", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def document(*arguments: str, code: int = 0) -> dict[str, Any]:
    """Run a command with --json and return its document."""
    found: dict[str, Any] = json.loads(call(*arguments, "--json", code=code))
    return found


def test_list_names_every_contract() -> None:
    """Each version with its id and level."""
    listed = document("list")

    assert listed["count"] == len(CONTRACTS.all())
    assert {"id": 10, "type": "police.review.extended", "version": 1, "level": 2}.items() <= next(
        row for row in listed["contracts"] if row["id"] == 10
    ).items()
    assert "police.review.extended/1" in call("list")


def test_show_gives_classes_and_schema() -> None:
    """Fields stand in their label classes; the schema is the canonical one."""
    shown = document("show", "police.wanted.issued")

    assert [c["level"] for c in shown["classes"]] == [2, 3, 4]
    assert shown["schema"] == json.loads(json.dumps(CONTRACTS.by_type("police.wanted.issued").schema))
    assert "investigation_open" in call("show", "police.wanted.issued")


@pytest.mark.parametrize("event_type", CONTRACTS.types()[::20])
def test_examples_are_valid_events(event_type: str) -> None:
    """What example prints can be published as it is."""
    assert read(document("example", event_type), CONTRACTS).type == event_type
    assert json.loads(call("example", event_type))["type"] == event_type


def test_an_unknown_type_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3, with the code in the JSON document."""
    monkeypatch.setattr("sys.argv", ["casebus", "--json"])  # the root asks the process how to say its errors

    assert document("show", "police.case.forgotten", code=3)["error"]["code"] == "contract.unknown_type"


def test_lint_of_the_tree_is_green() -> None:
    """The bundled contracts have no fault."""
    assert document("lint") == {"ok": True, "contracts": len(CONTRACTS.all()), "faults": []}


def test_lint_names_file_and_field(tmp_path: Path) -> None:
    """An unlabelled field is exit 1, named by file and field, in text and JSON."""
    raw = json.loads((BUNDLED / "police" / "case.filed.v1.avsc").read_text(encoding="utf-8"))
    del raw["fields"][0]["casebus.level"]
    path = tmp_path / "police" / "case.filed.v1.avsc"
    path.parent.mkdir()
    path.write_text(json.dumps(raw), encoding="utf-8")

    for place in (path, tmp_path):
        found = document("lint", str(place), code=1)
        fault = next(f for f in found["faults"] if f["code"] == "contract.unlabelled")
        assert fault["fields"] == {"file": "police/case.filed.v1.avsc", "field": "jjdbh", "key": "casebus.level"}
        assert "jjdbh" in call("lint", str(place), code=1)


def test_lint_of_nothing_is_not_found(tmp_path: Path) -> None:
    """A folder without contracts, or none at all, is not green."""
    assert document("lint", str(tmp_path), code=3)["error"]["code"] == "casebus.not_found"
    assert document("lint", str(tmp_path / "nowhere"), code=3)["error"]["code"] == "casebus.not_found"


def test_record_gives_ids_to_new_contracts(tmp_path: Path) -> None:
    """A new folder is recorded once and is then green."""
    source = BUNDLED / "police" / "review.extended.v1.avsc"
    (tmp_path / "police").mkdir()
    (tmp_path / "police" / source.name).write_bytes(source.read_bytes())

    assert document("record", "--root", str(tmp_path)) == {"recorded": ["police.review.extended/1"]}
    assert document("record", "--root", str(tmp_path)) == {"recorded": []}
    assert document("lint", str(tmp_path))["ok"] is True


def test_check_of_the_tree_is_green() -> None:
    """Every published version follows its earlier ones."""
    told = document("check")
    assert (told["ok"], told["checked"]) == (True, len(CONTRACTS.all()))
    assert [told[key] for key in ("refusals", "faults", "breaks", "impact")] == [[], [], [], []]
    assert "refusals: 0" in call("check")


def candidate(root: Path, **changes: Any) -> Path:
    """A third version of a published contract, its charge changed."""
    raw = json.loads((BUNDLED / "police" / "case.filed.v2.avsc").read_text(encoding="utf-8"))
    raw["casebus"]["version"] = 3
    next(f for f in raw["fields"] if f["name"] == "charge_code").update(changes)
    path = root / "police" / "case.filed.v3.avsc"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    return path


def test_check_refuses_a_candidate_in_words(tmp_path: Path) -> None:
    """A level that falls: exit 1, path, both sides, who asks for it, and what to do."""
    asking = tmp_path / "asking.json"
    asking.write_text(json.dumps({"subscription lantern": {"police.case.filed": ["charge_code"]}}), encoding="utf-8")
    path = candidate(tmp_path, **{"casebus.level": 2, "casebus.about": ""})

    found = document("check", str(path), "--consumers", str(asking), code=1)

    assert {(r["code"], r["path"], r["old"], r["new"]) for r in found["refusals"]} == {
        ("evolution.level_falls", "charge_code.level", "3", "2"),
        ("evolution.about_vanishes", "charge_code.about", "suspect", ""),
    }
    assert {r["against"] for r in found["refusals"]} == {"police.case.filed/1", "police.case.filed/2"}
    assert all("subscription lantern" in r["consumers"] for r in found["refusals"])
    assert "→" in call("check", str(path), code=1)


def test_check_accepts_a_candidate_that_tightens(tmp_path: Path) -> None:
    """A level may rise; and what is recorded already passes as it is."""
    assert document("check", str(candidate(tmp_path, **{"casebus.level": 4})))["ok"] is True
    assert document("check", str(BUNDLED / "police" / "case.filed.v1.avsc"))["ok"] is True


def test_diff_names_changes_and_consumers(tmp_path: Path) -> None:
    """Two recorded versions, and a recorded one against a file; exit 1 where the file may not follow."""
    recorded = document("diff", "police.case.filed/1", "police.case.filed")

    assert (recorded["ok"], recorded["new"]) == (True, "police.case.filed/2")
    assert {c["path"] for c in recorded["changes"] if c["kind"] == "added"} == {
        "handling_police",
        "account_uscc",
        "filing_ref",
    }
    path = candidate(tmp_path, type="int")
    refused = document("diff", "police.case.filed", str(path), code=1)
    assert [r["code"] for r in refused["refusals"]] == ["evolution.unreadable"]
    assert "charge_code" in call("diff", "police.case.filed", str(path), code=1)


@pytest.mark.parametrize("name", ["police.case.filed/9", "police.case.forgotten", "nowhere.avsc"])
def test_diff_of_an_unknown_version_is_not_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3."""
    monkeypatch.setattr("sys.argv", ["casebus", "--json"])

    assert "error" in document("diff", "police.case.filed", name, code=3)


def test_a_wrong_list_of_consumers_is_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with a code."""
    monkeypatch.setattr("sys.argv", ["casebus", "--json"])
    wrong = tmp_path / "asking.json"
    wrong.write_text("[]", encoding="utf-8")

    found = document("check", "--consumers", str(wrong), code=2)

    assert found["error"]["code"] == "contract.consumers_file"


def test_directory_by_theme(tmp_path: Path) -> None:
    """Entries by theme, as JSON, as text and as a CSV file."""
    path = tmp_path / "directory.csv"

    found = document("directory", "--csv", str(path))

    assert found["count"] == len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert "(criminal_filing)" in call("directory")


def test_asyncapi_document() -> None:
    """One document with every event type."""
    found = document("asyncapi", "--catalogue-version", "2025.1")

    assert (found["asyncapi"], found["info"]["version"]) == ("3.0.0", "2025.1")
    assert set(found["components"]["messages"]) == set(CONTRACTS.types())
