"""`casebus model`: one JSON document, exit codes, and text for people."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from streams.supervision.library import bundled

FINES = Path("examples/road-fines")
MODELS = sorted(str(path) for path in (FINES / "models").glob("*.yaml"))
HEADER = (
    "seq,case_id,event_idx,concept:name,time:timestamp,lifecycle:transition,org:resource,amount,totalPaymentAmount,"
    "paymentAmount,expense,dismissal,vehicleClass,article,points,notificationType,lastSent,matricola"
)
ROWS = (
    ("A1", "Create Fine", "2006-07-24T00:00:00+02:00"),
    ("A1", "Send Fine", "2006-12-05T00:00:00+01:00"),
    ("A2", "Create Fine", "2006-07-24T00:00:00+02:00"),
    ("A2", "Payment", "2006-10-22T00:00:00+02:00"),
    ("A3", "Insert Date Appeal to Prefecture", "2007-03-01T00:00:00+01:00"),
    ("A4", "Send Appeal to Prefecture", "2007-02-01T00:00:00+01:00"),
    ("A4", "Insert Date Appeal to Prefecture", "2007-03-01T00:00:00+01:00"),
    ("A5", "Insert Date Appeal to Prefecture", "2007-03-01T00:00:00+01:00"),
    ("A5", "Send Appeal to Prefecture", "2007-05-01T00:00:00+02:00"),
)


@pytest.fixture
def log(tmp_path: Path) -> list[str]:
    """The options that name a small fines log, packed, with one row that cannot be read."""
    lines = [HEADER]
    lines += [f"{seq},{case},0,{name},{when},complete" + "," * 12 for seq, (case, name, when) in enumerate(ROWS)]
    lines.append("99,A9,0,No Such Activity,2007-03-01T00:00:00+01:00,complete" + "," * 12)
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    return ["--events", str(path), "--mapping", str(FINES / "mapping.yaml"), "--as-of", "2013-06-18"]


def call(*arguments: str, code: int = 0) -> str:
    """Run a command and return its stdout."""
    result = CliRunner().invoke(app, ["model", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def document(*arguments: str, code: int = 0) -> dict[str, Any]:
    """Run a command with --json and return its document."""
    found: dict[str, Any] = json.loads(call(*arguments, "--json", code=code))
    return found


def refusal(*arguments: str, code: int) -> str:
    """Run a command that is refused and return what it tells the person."""
    result = CliRunner().invoke(app, ["model", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_list_names_every_model() -> None:
    """Id, code, status and tests of each bundled model."""
    listed = document("list")

    assert [m["id"] for m in listed["models"]] == [model.id for model in bundled()]
    assert {"id": "M13-notice", "code": "M13", "status": "active", "tests": 9}.items() <= listed["models"][2].items()
    assert "M13-delivery" in call("list")


def test_show_tells_law_from_parameter() -> None:
    """A parameter of ours is marked as one; types and fields are listed."""
    shown = document("show", "M01")

    kinds = {p["name"]: p["kind"] for p in shown["params"]}
    assert (kinds["criminal_days"], kinds["lead_days"]) == ("law", "parameter")
    assert shown["types"]["police.case.filing_declined"] == ["jjdbh"]
    assert "parameter lead_days = 1 days" in call("show", "M01")


def test_show_wants_one_model() -> None:
    """A code of several files is a usage error, an unknown id is not found."""
    assert "[casebus.usage]" in refusal("show", "M13", code=2)
    assert "[model.not_found]" in refusal("show", "M99", code=3)


def test_lint_passes_what_comes_with_the_project() -> None:
    """Bundled models and examples are clean."""
    assert document("lint") == {"ok": True, "models": len(bundled()), "faults": []}
    assert document("lint", *MODELS)["ok"]


def test_lint_fails_with_the_place(tmp_path: Path) -> None:
    """A broken file: exit 1, the fault with code, message and hint."""
    path = tmp_path / "broken.yaml"
    path.write_text(Path(MODELS[0]).read_text(encoding="utf-8").replace("$limit_days", "$nothing"), encoding="utf-8")

    found = document("lint", str(path), code=1)

    assert [fault["code"] for fault in found["faults"]] == ["model.unknown_param"]
    assert found["faults"][0]["fields"]["path"].endswith("limit.days")
    assert "model.unknown_param" in call("lint", str(path), code=1)


def test_test_counts(tmp_path: Path) -> None:
    """All pass; a changed expectation fails with exit 1 and says what differs."""
    assert document("test")["failed"] == 0
    path = tmp_path / "failing.yaml"
    path.write_text(
        Path(MODELS[0]).read_text(encoding="utf-8").replace('due: "2007-04-30"', 'due: "2007-04-29"'), "utf-8"
    )

    found = document("test", str(path), code=1)

    assert found["failed"] == 2
    assert found["passed"] + found["failed"] == len(found["tests"])
    assert "expected and not found" in call("test", str(path), code=1)


def test_backtest_counts_and_names_nobody(log: list[str]) -> None:
    """The documented keys, the rejected row counted, subjects only as a digest."""
    found = document("backtest", *MODELS, *log)

    assert (found["events"], found["rejected"]) == (len(ROWS), 1)
    assert {name: tally["alerts"] for name, tally in found["models"].items()} == {
        "appeal-not-sent": 2,
        "appeal-sent-late": 1,
        "fine-no-event": 1,
        "fine-sent-late": 1,
    }
    tally = found["models"]["appeal-not-sent"]
    assert set(tally) == {"alerts", "retracted", "approaching", "subjects", "subjects_sha256", "by_month"}
    assert tally["subjects_sha256"] == hashlib.sha256(b"A3\nA5").hexdigest()
    assert tally["by_month"] == {"2007-05": 2}
    assert "appeal-not-sent" in call("backtest", *MODELS, *log)


def test_backtest_without_a_day_ends_with_the_log(log: list[str]) -> None:
    """The last event's day is the end: the appeal sent on it is late, the one never sent is too."""
    found = document("backtest", MODELS[0], *log[:-2])

    assert found["models"]["appeal-not-sent"]["alerts"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--events", "nowhere.csv"], 3, "importer.file_missing"),
        (["--events", str(FINES / "mapping.yaml")], 2, "model.mapping_needed"),
        (["--events", str(FINES / "mapping.yaml"), "--mapping", "nowhere.yaml"], 3, "importer.mapping_missing"),
        (["--events", "nowhere.csv", "--mapping", str(FINES / "mapping.yaml")], 3, "importer.file_missing"),
        (["--events", "nowhere.csv", "--as-of", "18.6.2013"], 2, "casebus.usage"),
    ],
)
def test_backtest_refuses_bad_sources(arguments: list[str], code: int, error: str) -> None:
    """Each mistake has its code and exit code."""
    assert f"[{error}]" in refusal("backtest", MODELS[0], *arguments, code=code)


def test_explain_shows_the_arithmetic(log: list[str]) -> None:
    """The steps of one subject in both languages."""
    found = document("explain", "--subject", "A1", MODELS[3], *log)

    (term,) = found["terms"]
    assert (term["state"], term["due"], term["closed"][:10]) == ("overdue_done", "2006-10-22", "2006-12-05")
    assert [step["code"] for step in term["steps"]] == ["opened", "days", "late_from", "closed_late"]
    assert "closed 44 day(s) late" in call("explain", "--subject", "A1", MODELS[3], *log)


@pytest.mark.parametrize(
    ("model", "subject", "reason"),
    [(0, "A4", "before"), (0, "A3", "alert"), (0, "A1", "no_events"), (2, "A2", "in_time"), (3, "A2", "not_done")],
)
def test_why_not_names_the_step(log: list[str], model: int, subject: str, reason: str) -> None:
    """Which step kept a subject from an alert."""
    assert document("why-not", "--subject", subject, MODELS[model], *log)["stopped_by"] == reason
    assert reason in call("why-not", "--subject", subject, MODELS[model], *log)


def test_new_writes_a_model_that_passes(tmp_path: Path) -> None:
    """The template lints and tests clean; an existing file is not overwritten; a bad id is refused."""
    path = str(tmp_path / "mine.yaml")

    assert document("new", "mine", "--code", "X2", "--out", path)["file"] == path
    assert document("lint", path)["ok"]
    assert document("test", path)["failed"] == 0
    assert "[casebus.usage]" in refusal("new", "mine", "--out", path, code=2)
    assert "[model.schema]" in refusal("new", "no good", "--out", path, code=1)
