"""The road fines log for tests: a fixed tenth of its cases, in order or shuffled with repeats; what stands after it."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from services.importer.facts import facts
from services.importer.mapping import load_mapping
from services.node.layout import DataDirectory
from streams import alerts
from streams.bus.embedded import EmbeddedBus
from streams.legal_clock.zone import to_day
from streams.runners.backtest import BacktestReport, backtest
from streams.supervision.finding import FINAL
from streams.supervision.library import load_all
from streams.supervision.model import Model
from tests.integration.delivery_proof import records
from tests.integration.fines_node import MAPPING
from tests.integration.node_process import ROOT

MODELS = tuple(sorted((ROOT / "examples/road-fines/models").glob("*.yaml")))
WHOLE = {"fine-sent-late": 49_772, "fine-no-event": 49_999, "appeal-sent-late": 807, "appeal-not-sent": 854}
"""Final alerts of the whole log at its end, from two independent batch computations."""
EVENTS = 561_470
END_TEXT = "2013-06-18"
END_DAY = to_day(date.fromisoformat(END_TEXT))


def tenth(log: Path) -> tuple[str, list[str]]:
    """Return the header and the rows of the cases whose reference hashes to zero modulo ten."""
    with gzip.open(log, "rt", encoding="utf-8") as file:
        header = file.readline()
        column = header.rstrip("\n").split(",").index("case_id")
        kept = [row for row in file if hashlib.sha256(row.split(",")[column].encode()).digest()[0] % 10 == 0]
    return header, kept


def write(path: Path, header: str, rows: Sequence[str]) -> Path:
    """Write a log."""
    path.write_text(header + "".join(rows), encoding="utf-8")
    return path


def shuffled_with_repeats(rows: Sequence[str], seed: int) -> list[str]:
    """Return the rows and every tenth of them again, in another order."""
    mixed = [*rows, *rows[::10]]
    random.Random(seed).shuffle(mixed)  # noqa: S311 - a shuffle that repeats
    return mixed


def models() -> tuple[Model, ...]:
    """Load the four models."""
    return load_all(MODELS)


def from_file(path: Path) -> BacktestReport:
    """Back-test a plain file as `casebus model backtest` does."""
    four = models()
    wanted: dict[str, set[str]] = {}
    for model in four:
        for event_type, names in model.fields.items():
            wanted.setdefault(event_type, set()).update(names)
    return backtest(four, facts(load_mapping(MAPPING), path, wanted.keys(), wanted), END_DAY)


def final_of(report: BacktestReport) -> dict[str, str]:
    """Return alert id → final state, over all models."""
    return {alert: state for tally in report.models.values() for alert, state in tally.ids.items()}


def final_in(data: Path) -> dict[str, str]:
    """Return alert id → final state as a stopped node has published them."""
    bus = EmbeddedBus(DataDirectory(data).bus, read_only=True)
    try:
        last = {alert.id: alert.state for alert in (alerts.decode(r.value) for r in records(bus, alerts.TOPIC))}
    finally:
        bus.close()
    return {alert: state for alert, state in last.items() if state in FINAL}
