"""`backtest-fines`: the four models of examples/road-fines over the whole log, on one core.

The floor is for the log as it lies in a node: raw batches read from the bus, their MAC checked, decoded, flags opened,
decided, projected, manifests made durable in the audit log, then folded; on one core, so by seconds of processor: the
work has one thread and waits for the disk 35 times in all. Beside it: by the clock, which on a machine that others use
says how much of a core was left; with the opening of the node counted (keys, audit log, policies), as
`casebus model backtest --events DIR` has it; and the plain file, gunzipped and parsed. Raw is reading the same batches,
checking their MAC and decoding their msgpack, and nothing else.

Every run must give the four known numbers.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from security.batch import unpack
from services.node.history import facts_from_node, released
from services.node.node import Node, open_node
from streams.runners.backtest import BacktestReport, backtest
from streams.runners.releasing import PARTITION, RAW
from tests.bench.fines import fines_log, import_whole
from tests.bench.harness import Figure, Report
from tests.integration.fines_log import END_DAY, EVENTS, WHOLE, from_file, models

ROUNDS = 3
PAGE = 64


class Seconds(NamedTuple):
    """Seconds on the clock and of processor."""

    clock: float
    cpu: float


def checked(report: BacktestReport) -> None:
    """Hold a run to the known numbers."""
    found = {name: tally.alerts for name, tally in report.models.items()}
    if found != WHOLE or report.events != EVENTS:
        raise AssertionError((report.events, found))


def best(work: Callable[[], object]) -> Seconds:
    """Return the best of three runs."""
    runs = []
    for _ in range(ROUNDS):
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        work()
        runs.append(Seconds(time.perf_counter() - began, time.process_time() - cpu))
    return Seconds(min(run.clock for run in runs), min(run.cpu for run in runs))


def decode_only(node: Node) -> None:
    """Read every raw batch, check its MAC, decode it."""
    for topic in node.bus.topics(RAW):
        position = 0
        while stored := node.bus.read(topic, PARTITION, position, PAGE):
            for record in stored:
                unpack(record.value, node.sealer)
            position = stored[-1].offset + 1


def run() -> Report:
    """Import the log once, then measure."""
    log, four = fines_log(), models()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "node"
        import_whole(data, log).close()
        node = open_node(data)
        opened = best(lambda: checked(backtest(four, released(node, four, ""), END_DAY)))
        raw = best(lambda: decode_only(node))
        node.close()
        whole = best(lambda: checked(backtest(four, facts_from_node(data, four), END_DAY)))
    plain = best(lambda: checked(from_file(log)))
    load = {
        "events": EVENTS,
        "models": [model.id for model in four],
        "batch": 256,
        "subscriptions": 1,
        "rounds": ROUNDS,
        "load average": round(os.getloadavg()[0], 1),
    }
    figures = [
        Figure("over a node's log, one core", EVENTS / opened.cpu, "events/s", 100_000, raw=EVENTS / raw.cpu),
        Figure("the same, opening the node counted", EVENTS / whole.cpu, "events/s", raw=EVENTS / raw.cpu),
        Figure("from the plain file, one core", EVENTS / plain.cpu, "events/s", raw=EVENTS / raw.cpu),
        Figure("over a node's log, by the clock", EVENTS / opened.clock, "events/s", raw=EVENTS / raw.clock),
        Figure("from the plain file, by the clock", EVENTS / plain.clock, "events/s", raw=EVENTS / raw.clock),
    ]
    return Report("backtest-fines", load, figures)
