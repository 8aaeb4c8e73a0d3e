"""`casebus import`: what it takes where FILE stands, its linter, and its exit codes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from tests.unit.services.importer.test_linting import GOOD

MAPPING = "examples/road-fines/mapping.yaml"
TABLE = "sequence: [seq]\ntable: {name: fines, key: seq}"


def run(*arguments: str) -> tuple[int, dict[str, object]]:
    """Run the command with `--json`; return exit code and document."""
    done = CliRunner().invoke(app, ["import", *arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_a_mapping_is_linted(tmp_path: Path) -> None:
    """Clean: 0. With a fault: 1, each with path, code and both languages. Not there: 3."""
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(GOOD.replace("as: day", "as: text"), encoding="utf-8")

    assert run("--lint", MAPPING) == (0, {"mapping": "mapping.yaml", "errors": 0, "findings": []})
    code, told = run("--lint", str(faulty))
    assert (code, told["errors"]) == (1, 1)
    assert CliRunner().invoke(app, ["import", "--lint", str(tmp_path / "none.yaml")]).exit_code == 3


def test_a_person_reads_the_findings(tmp_path: Path) -> None:
    """Without `--json`: a line a finding, or ok."""
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(GOOD.replace("as: day", "as: text"), encoding="utf-8")

    assert CliRunner().invoke(app, ["import", "--lint", MAPPING]).stdout == "ok\n"
    assert "$.events.closed.fields.death_date.as: " in CliRunner().invoke(app, ["import", "--lint", str(faulty)]).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ([], 2, "importer.usage"),
        (["log.csv"], 2, "importer.usage"),
        (["log.csv", "--mapping", MAPPING, "--follow"], 2, "importer.follow"),
        (["none.csv", "--mapping", MAPPING, "--dry-run"], 3, "importer.file_missing"),
        (["none.xes", "--mapping", MAPPING, "--dry-run"], 3, "importer.file_missing"),
        (["sqlite:///none.db", "--mapping", MAPPING, "--dry-run"], 2, "importer.mapping"),
        (["kafka://127.0.0.1:9", "--mapping", MAPPING, "--dry-run"], 2, "importer.topic_url"),
        (["kafka://nowhere/t", "--mapping", MAPPING, "--dry-run"], 2, "kafka.address"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_code(arguments: list[str], code: int, error: str) -> None:
    """Usage is 2, a missing file 3."""
    done = CliRunner().invoke(app, ["import", *arguments])

    assert (done.exit_code, done.stdout) == (code, "")
    assert f"[{error}]" in done.stderr


def test_a_dry_run_over_a_table_names_keys(tmp_path: Path) -> None:
    """Counts by code, and the first places: here the keys of the rows."""
    rules = tmp_path / "table.yaml"
    rules.write_text(Path(MAPPING).read_text(encoding="utf-8").replace("sequence: [seq]", TABLE), encoding="utf-8")
    columns = (
        "seq, case_id, [concept:name], [time:timestamp], [lifecycle:transition], [org:resource], amount, "
        "totalPaymentAmount, paymentAmount, expense, dismissal, vehicleClass, article, points, notificationType, "
        "lastSent, matricola"
    )
    with sqlite3.connect(tmp_path / "agency.db") as connection:
        connection.execute(f"CREATE TABLE fines ({columns})")
        for key, activity in ((1, "Create Fine"), (2, "Burn Fine"), (3, "Burn Fine")):
            said = (key, f"A{key}", activity, "2006-07-24T00:00:00+02:00", "complete", "561", 35.0, 0)
            connection.execute(f"INSERT INTO fines VALUES ({','.join('?' * 17)})", said + (None,) * 9)  # noqa: S608 - question marks
    connection.close()

    code, told = run(f"sqlite:///{tmp_path / 'agency.db'}", "--mapping", str(rules), "--dry-run")

    assert code == 0
    assert (told["read"], told["accepted"], told["rejected"]) == (3, 1, 2)
    assert told["codes"] == {"importer.activity": 2}
    assert [reject["place"] for reject in told["first"]] == [{"key": 2}, {"key": 3}]  # type: ignore[attr-defined] # JSON
