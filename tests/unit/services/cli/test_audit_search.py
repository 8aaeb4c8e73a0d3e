"""`audit search`: conditions, times, what was released to whom, and an index that may be missing or lie."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.clock import ManualClock
from security.audit.record import Entry
from services.cli.app import app
from tests.unit.security.audit.workshop import open_log, release

DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


def call(data: Path, *words: object) -> tuple[int, dict[str, Any]]:
    """Run a search with `--json`; return its exit code and its document."""
    done = CliRunner().invoke(app, ["audit", "search", *map(str, words), "--data", str(data), "--json"])
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A node's directory with 300 manifests and a person's look-up, over three days."""
    clock = ManualClock(START)
    log = open_log(tmp_path / "audit", span=9, clock=clock)
    for day in range(3):
        log.append([release(day * 100 + n) for n in range(100)])
        clock.now += DAY
    log.append([Entry(act="open", actor="a7", org="police", case="ab" * 32, data={"person": "cd" * 32})])
    log.close()
    return tmp_path


def test_conditions(data: Path) -> None:
    """Each condition finds its records, several values any of them, several conditions all of them."""
    for words, found in (
        (("--person", "cd" * 32), 1),
        (("--case", "ab" * 32, "--actor", "a7"), 1),
        (("--case", "ab" * 32, "--actor", "a8"), 0),
        (("--event", f"{7:032x}", "--event", f"{270:032x}"), 2),
        (("--act", "release", "--since", "2026-01-02", "--until", "2026-01-02"), 100),
        (("--since", "2026-01-03T00:00:00Z"), 101),
        (("--until", "2026-01-01T08:00:00+08:00"), 100),
        ((), 301),
    ):
        code, said = call(data, *words)
        assert (code, said["found"], said["size"]) == (0, found, 301), words
        assert said["complete"] is False
    assert (data / "audit-index.db").exists()


def test_times_that_cannot_be_read(data: Path) -> None:
    """A time without its zone, and nonsense, are refused by name."""
    for bad in ("2026-01-02T08:00:00", "yesterday", "2026-13-01"):
        code, said = call(data, "--since", bad)
        assert (code, said["error"]["code"]) == (2, "auditor.instant")


def test_what_was_released_to_whom(data: Path) -> None:
    """`--releases` tells each event and its receiver."""
    _, said = call(data, "--event", f"{7:032x}", "--releases")

    assert [(told["event"], told["sub"], told["seqs"]) for told in said["releases"]] == [(f"{7:032x}", "m7", [7])]


def test_without_an_index(data: Path) -> None:
    """`--no-index` reads everything, is complete, and leaves no index behind."""
    code, said = call(data, "--person", "cd" * 32, "--no-index")

    assert (code, said["found"], said["scanned"], said["complete"]) == (0, 1, 301, True)
    assert not (data / "audit-index.db").exists()


def test_an_index_that_hides(data: Path) -> None:
    """What an index hides, `--exhaustive` finds, and leaves with 6."""
    assert call(data, "--event", f"{7:032x}")[1]["found"] == 1
    database = sqlite3.connect(data / "audit-index.db", isolation_level=None)
    database.execute("DELETE FROM terms_0")
    database.close()

    assert call(data, "--event", f"{7:032x}")[1]["found"] == 0
    code, said = call(data, "--event", f"{7:032x}", "--exhaustive")
    assert (code, said["error"]["code"]) == (6, "auditor.index_lies")


def test_for_a_person(data: Path) -> None:
    """Without `--json` the hits are lines, and how complete they are is said."""
    words = ["audit", "search", "--event", f"{7:032x}", "--data", str(data)]
    done = CliRunner().invoke(app, words)

    assert json.loads(done.stdout)["obj"] == "m7"
    assert "--exhaustive" in done.stderr
    assert "m7 (" in CliRunner().invoke(app, [*words, "--releases"]).stdout
