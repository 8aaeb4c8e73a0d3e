"""The real log of road fines: four truths computed by hand, and the same from the log in any order."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.importer.facts import facts
from services.importer.mapping import load_mapping
from streams.legal_clock.zone import to_day
from streams.runners.backtest import backtest
from streams.supervision.library import load_all
from streams.supervision.space import fields_of

pytestmark = pytest.mark.realdata

FINES = Path("examples/road-fines")
MODELS = sorted((FINES / "models").glob("*.yaml"))
KNOWN = {"fine-sent-late": 49_772, "fine-no-event": 49_999, "appeal-sent-late": 807, "appeal-not-sent": 854}


def by_hand(log: Path) -> dict[str, set[str]]:
    """Compute the four truths from local dates, with nothing of casebus."""
    cases: dict[str, list[tuple[str, date]]] = defaultdict(list)
    with gzip.open(log, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            cases[row["case_id"]].append((row["concept:name"], date.fromisoformat(row["time:timestamp"][:10])))
    truths: dict[str, set[str]] = {name: set() for name in KNOWN}
    for case, events in cases.items():
        _add_fine(truths, case, events)
        _add_appeal(truths, case, events)
    return truths


def _days(events: list[tuple[str, date]], name: str) -> list[date]:
    return sorted(day for activity, day in events if activity == name)


def _add_fine(truths: dict[str, set[str]], case: str, events: list[tuple[str, date]]) -> None:
    created = _days(events, "Create Fine")[0]
    last = created + timedelta(days=90)
    sent = [day for day in _days(events, "Send Fine") if day >= created]
    if sent and sent[0] > last:
        truths["fine-sent-late"].add(case)
    if not any(created <= day <= last for activity, day in events if activity != "Create Fine"):
        truths["fine-no-event"].add(case)


def _add_appeal(truths: dict[str, set[str]], case: str, events: list[tuple[str, date]]) -> None:
    filed = _days(events, "Insert Date Appeal to Prefecture")
    if not filed:
        return
    last = filed[0] + timedelta(days=60)
    sent = _days(events, "Send Appeal to Prefecture")
    if sent and sent[0] > last:
        truths["appeal-sent-late"].add(case)
    if not sent or sent[0] > last:
        truths["appeal-not-sent"].add(case)


def test_the_four_truths(fines_log: Path) -> None:
    """The command finds exactly the cases that plain arithmetic on local dates finds."""
    arguments = ["--events", str(fines_log), "--mapping", str(FINES / "mapping.yaml"), "--as-of", "2013-06-18"]

    result = CliRunner().invoke(app, ["model", "backtest", *map(str, MODELS), *arguments, "--json"])

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["events"], found["rejected"]) == (561_470, 0)
    assert {name: tally["alerts"] for name, tally in found["models"].items()} == KNOWN
    truths = by_hand(fines_log)
    assert {name: len(cases) for name, cases in truths.items()} == KNOWN
    for name, cases in truths.items():
        digest = hashlib.sha256("\n".join(sorted(cases)).encode()).hexdigest()
        assert found["models"][name]["subjects_sha256"] == digest, name


@pytest.mark.slow
def test_shuffled_and_doubled(fines_log: Path) -> None:
    """The log shuffled, every tenth event twice: the same alerts by id."""
    models = load_all(MODELS)
    wanted = fields_of(models)
    history = list(facts(load_mapping(FINES / "mapping.yaml"), fines_log, wanted.keys(), wanted))
    day = to_day(date(2013, 6, 18))
    before = {name: tally.ids for name, tally in backtest(models, history, day).models.items()}

    arrivals = history + history[::10]
    random.Random(7).shuffle(arrivals)  # noqa: S311 - a fixed order for a test
    after = {name: tally.ids for name, tally in backtest(models, arrivals, day).models.items()}

    assert {name: len(ids) for name, ids in before.items()} == KNOWN
    assert after == before
