"""`casebus simulate`: two files that can be read back, one JSON document, an error with a next step."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from services.cli.app import app
from services.simulator.city import simulate
from services.simulator.city_files import read_deliveries, read_truth

ARGUMENTS = ("simulate", "--seed", "3", "--cases", "60")


def test_the_files_hold_the_city(tmp_path: Path) -> None:
    """What stands in the files is the city, delivery by delivery, and its truth."""
    done = CliRunner().invoke(app, [*ARGUMENTS, "--out", str(tmp_path / "city")])

    city = simulate(3, 60)
    assert done.exit_code == 0
    assert tuple(read_deliveries(tmp_path / "city")) == city.deliveries
    assert read_truth(tmp_path / "city") == city.truth


def test_json_names_what_was_written(tmp_path: Path) -> None:
    """`--json` gives one document with events, cases and planted."""
    done = CliRunner().invoke(app, [*ARGUMENTS, "--out", str(tmp_path), "--json"])

    document = json.loads(done.stdout)
    city = simulate(3, 60)
    assert document["cases"] == 60
    assert document["events"] == city.events
    assert document["planted"] == len(city.truth.alerts) > 20


def test_a_folder_that_cannot_be_written_is_a_coded_error(tmp_path: Path) -> None:
    """A file in the way is told with its code, exit 2."""
    (tmp_path / "city").write_text("in the way", encoding="utf-8")

    done = CliRunner().invoke(app, [*ARGUMENTS, "--out", str(tmp_path / "city")])

    assert done.exit_code == 2
    assert "simulator.folder_unusable" in done.stderr
