"""`backtest-plain`: four models over the road fines log, from the plain file: the fold alone, and all of it.

Times are CPU seconds of one core, the best of the rounds: nothing else that the machine does counts. Raw is the least
that any such computation must do in this language: read the rows with the csv module and put them to their cases.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from services.importer.facts import facts
from services.importer.mapping import load_mapping
from streams.legal_clock.zone import to_day
from streams.runners.backtest import backtest
from streams.supervision.fact import Fact
from streams.supervision.library import load_all
from streams.supervision.model import Model
from streams.supervision.space import fields_of
from tests.bench.harness import Figure, Report
from tests.house import parts

FINES = Path("examples/road-fines")
ROUNDS = 3
AS_OF = to_day(date(2013, 6, 18))
KNOWN = {"fine-sent-late": 49_772, "fine-no-event": 49_999, "appeal-sent-late": 807, "appeal-not-sent": 854}


def run() -> Report:
    """Measure, and check that what was measured is right."""
    log = parts.fines_log()
    if log is None:
        raise SystemExit("backtest-plain needs the road fines log; set CASEBUS_FINES_LOG")
    models = load_all(sorted((FINES / "models").glob("*.yaml")))
    history = read(log, models)
    counts = {name: tally.alerts for name, tally in backtest(models, history, AS_OF).models.items()}
    if counts != KNOWN:
        raise SystemExit(f"wrong result: {counts}")
    events = len(history)
    fold, grouped = (events / seconds for seconds in in_memory(models, history))
    whole = events / best(lambda: backtest(models, read(log, models), AS_OF))
    rows = events / best(lambda: rows_by_case(log))
    return Report(
        "backtest-plain",
        {"events": events, "models": len(models), "rounds": ROUNDS},
        [
            Figure("fold, facts in memory", fold, "events/s", 150_000, raw=grouped),
            Figure("plain file to alerts", whole, "events/s", raw=rows),
        ],
    )


def in_memory(models: tuple[Model, ...], history: list[Fact]) -> tuple[float, float]:
    """Return the seconds of the fold, and of the least that it has to do."""
    return best(lambda: backtest(models, history, AS_OF)), best(lambda: group(history))


def read(log: Path, models: tuple[Model, ...]) -> list[Fact]:
    """Read the log as facts."""
    wanted = fields_of(models)
    return list(facts(load_mapping(FINES / "mapping.yaml"), log, wanted.keys(), wanted))


def group(history: list[Fact]) -> dict[str, list[int]]:
    """Put the times of facts to their subjects: the least a fold does."""
    found: dict[str, list[int]] = defaultdict(list)
    for fact in history:
        found[fact.subject].append(fact.occurred_at)
    return found


def rows_by_case(log: Path) -> dict[str, list[Any]]:
    """Read the rows and put them to their cases: the least a back-test of a file does."""
    found: dict[str, list[Any]] = defaultdict(list)
    with gzip.open(log, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            found[row[1]].append(row)
    return found


def best(work: Callable[[], object]) -> float:
    """Return the fewest CPU seconds of a few rounds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)
