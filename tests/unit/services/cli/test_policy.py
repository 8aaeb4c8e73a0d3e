"""`casebus policy`: lint, test, explain; one JSON document, exit codes, text for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.catalogue import Contracts
from schemas.cloudevents import render
from schemas.examples import example
from security.policy.authored import BUNDLED, POLICY_FILE, SCHEMA_FILE
from security.view_schema import FIRST_ID
from services.cli.app import app

CONTRACT = Contracts.load().by_type("police.case.filed")
DAY = ("--at", "2026-01-01")


def call(*arguments: str, code: int = 0) -> str:
    """Run a command and return its stdout."""
    result = CliRunner().invoke(app, ["policy", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def document(*arguments: str, code: int = 0) -> dict[str, Any]:
    """Run a command with --json and return its document."""
    found: dict[str, Any] = json.loads(call(*arguments, "--json", code=code))
    return found


@pytest.fixture
def event(tmp_path: Path) -> str:
    """A file with an example filing in district 990103."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(render(example(CONTRACT), CONTRACT) | {"district": "990103"}), encoding="utf-8")
    return str(path)


def test_the_bundled_policy_passes() -> None:
    """Lint finds nothing and every scenario passes."""
    assert document("lint") == {"ok": True, "findings": []}
    tested = document("test")
    assert tested["failed"] == 0
    assert tested["passed"] >= 16
    assert "FAIL" not in call("test")
    assert call("lint") == "ok\n"


def weaker(folder: Path) -> Path:
    """The bundled policy with the rule on assignments left out."""
    text = (BUNDLED / POLICY_FILE).read_text()
    start = text.index('@id("forbid.read.unbound")')
    (folder / POLICY_FILE).write_text(text[:start] + text[text.index("// △") :])
    (folder / SCHEMA_FILE).write_text((BUNDLED / SCHEMA_FILE).read_text())
    return folder


def test_a_weaker_policy_fails_its_scenarios(tmp_path: Path) -> None:
    """Leaving one rule out is found by the scenarios and named field by field."""
    tested = document("test", "--policy", str(weaker(tmp_path)), code=1)

    assert tested["failed"] >= 1
    assert "suspect: given, not case_not_bound" in tested["scenarios"][0]["differences"]
    assert "FAIL" in call("test", "--policy", str(tmp_path), code=1)


def test_a_broken_policy_is_a_finding(tmp_path: Path) -> None:
    """What does not parse is named by lint and refuses to be tested."""
    (tmp_path / POLICY_FILE).write_text("permit (")
    (tmp_path / SCHEMA_FILE).write_text("")

    assert document("lint", "--policy", str(tmp_path), code=1)["ok"] is False
    assert document("test", "--policy", str(tmp_path), code=1)["error"]["code"] == "policy.broken"


def test_explain_tells_decision_reasons_guards_and_view(event: str) -> None:
    """A prosecutor without the case gets procedure; each hidden field has its reason."""
    told = document("explain", "--subscription", "prosecutor", "--event", event, *DAY)

    assert told["decision"] == "release"
    assert {w["reason"] for w in told["withheld"]} == {"case_not_bound"}
    assert told["guards"]["in_scope"] is True
    assert told["view"]["id"] >= FIRST_ID
    assert {r["code"] for r in told["reasons"]} == {"case_not_bound"}


def test_an_assignment_changes_the_answer(event: str) -> None:
    """As if the case were assigned, the suspect is given; under a hold nothing is."""
    asked = ("explain", "--subscription", "prosecutor", "--event", event, *DAY)

    assert "suspect" in document(*asked, "--case-bound")["fields"]
    assert document(*asked, "--case-bound", "--hold")["fields"] == []


def test_a_right_that_ended_is_denied(event: str) -> None:
    """On a day after the end of a subscription it gets nothing, and the text says why."""
    asked = ("explain", "--subscription", "procuratorate-990103-filing", "--event", event, "--at", "2099-01-01")

    assert document(*asked)["decision"] == "deny"
    assert "[expired]" in call(*asked)


def test_the_engine_is_asked_with_its_models_fields(event: str) -> None:
    """The supervision subscription gets the fields its models ask for, and no more."""
    told = document("explain", "--subscription", "supervision", "--event", event, *DAY)

    assert "jjdbh" in told["fields"]
    assert "charge_code" not in told["fields"]


def test_explain_prints_no_value(event: str) -> None:
    """Names and reasons are printed, not the event's values."""
    values = [v for v in json.loads(Path(event).read_text())["data"].values() if isinstance(v, str) and len(v) > 8]
    asked = ("explain", "--subscription", "prosecutor", "--event", event, "--case-bound", *DAY)

    printed = call(*asked) + call(*asked, "--json")

    assert values
    assert not [value for value in values if value in printed]


@pytest.mark.parametrize(
    ("name", "content", "code", "exit_code"),
    [
        ("nobody", "{}", "policy.asker", 3),
        ("prosecutor", "{", "casebus.refused", 1),
        ("prosecutor", "{}", "event.refused", 1),
    ],
)
def test_bad_input_is_a_coded_error(tmp_path: Path, name: str, content: str, code: str, exit_code: int) -> None:
    """An unknown name, a file that is no JSON and one that is no event are refused with their codes."""
    path = tmp_path / "event.json"
    path.write_text(content)

    refused = document("explain", "--subscription", name, "--event", str(path), code=exit_code)

    assert refused["error"]["code"] == code


def test_a_missing_file_is_not_found() -> None:
    """An event file that is not there ends with exit 3."""
    refused = document("explain", "--subscription", "prosecutor", "--event", "none.json", code=3)

    assert refused["error"]["code"] == "casebus.not_found"
