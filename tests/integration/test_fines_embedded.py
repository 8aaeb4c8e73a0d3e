"""The road fines log through the embedded node: the alerts of the back-test, whatever the order of the rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.cli.importing import bring_in
from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from tests.integration.delivery_proof import prove
from tests.integration.fines_log import (
    END_TEXT,
    EVENTS,
    MODELS,
    WHOLE,
    final_in,
    final_of,
    from_file,
    shuffled_with_repeats,
    tenth,
    write,
)
from tests.integration.fines_node import MAPPING, SITE
from tests.integration.node_process import ROOT

pytestmark = [pytest.mark.realdata, pytest.mark.slow, pytest.mark.timeout(900)]

Log = tuple[str, list[str]]


@pytest.fixture(scope="module")
def log(fines_log: Path) -> Log:
    """A tenth of the cases: header and rows."""
    return tenth(fines_log)


@pytest.fixture(scope="module")
def plain(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tenth as a file, in the order of the log."""
    return write(tmp_path_factory.mktemp("fines") / "tenth.csv", *log)


def test_imported_in_order(plain: Path, log: Log, tmp_path: Path) -> None:
    """Imported and pumped: alert for alert the back-test of the plain file; a back-test over the node says the same."""
    rules = load_mapping(MAPPING)
    told = bring_in(rules, open_file(rules, plain), tmp_path / "data", SITE, lambda: False)
    expected = from_file(plain)

    assert (told["accepted"], told["rejected"]) == (len(log[1]), 0)
    assert final_in(tmp_path / "data") == final_of(expected)
    assert len(final_of(expected)) > 9_000

    over_node = backtest("--events", tmp_path / "data")

    assert over_node["events"] == len(log[1])
    assert over_node["models"] == {name: tally.as_dict() for name, tally in expected.models.items()}
    assert prove(tmp_path / "data").breaches == []


def test_imported_shuffled_with_repeats_in_two_parts(plain: Path, log: Log, tmp_path: Path) -> None:
    """Rows in any order, every tenth twice, half of them only after the others took effect: the same alerts stand."""
    header, rows = log
    mixed = shuffled_with_repeats(rows, seed=1)
    data, half = tmp_path / "data", len(mixed) // 2
    rules = load_mapping(MAPPING)
    for number, part in enumerate((mixed[:half], mixed[half:])):
        path = write(tmp_path / f"{number}.csv", header, part)
        bring_in(rules, open_file(rules, path), data, SITE, lambda: False)

    assert final_in(data) == final_of(from_file(plain))
    proof = prove(data)
    assert proof.breaches == []
    assert len(proof.accepted) == len(rows)
    assert set(proof.delivered["supervision"]) == set(proof.accepted)
    assert backtest("--events", data)["models"] == {n: t.as_dict() for n, t in from_file(plain).models.items()}


def test_the_whole_log_gives_the_known_numbers(fines_log: Path) -> None:
    """The command over the plain file: exactly the alerts that two independent computations found."""
    told = backtest("--events", fines_log, "--mapping", MAPPING)

    assert told["events"] == EVENTS
    assert {name: each["alerts"] for name, each in told["models"].items()} == WHOLE
    assert all(sum(each["by_month"].values()) == each["alerts"] for each in told["models"].values())


def backtest(*arguments: object) -> dict[str, Any]:
    """Run `casebus model backtest` with the four models."""
    command = [sys.executable, "-m", "services.cli.app", "model", "backtest", *MODELS, *arguments, "--as-of", END_TEXT]
    done = subprocess.run(
        [*map(str, command), "--json"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
