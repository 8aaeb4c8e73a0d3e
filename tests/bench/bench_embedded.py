"""`embedded`: publish → view + audit + alert in one node, as its gateway and its worker do it, without HTTP.

Batches of up to 256 events of a simulated city, NDJSON as publishers send it: read, checked, sealed, committed and
answered with receipts; released to every subscription of the demonstration's site; supervised with every bundled model.
The worker takes its turn after every eighth batch; beside it the same with two threads, as a busy node runs it. The
clock is stopped at the city's end; then each source declares its last mark, so that every planted alert is raised: they
are compared with the truth. Raw is the same bytes in as many SQLite rows and as many commits, with an fdatasync of the
audit log's share each.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.clock import ManualClock
from services.demo.outcome import outcome_of
from services.demo.stage import SITE
from services.gateway.answer import answer
from services.gateway.app import SWITCH_SECONDS
from services.gateway.door import Request
from services.gateway.intake import Limits, read_lines
from services.node.node import Node, open_node
from services.node.site import Site
from services.simulator.city import City, simulate
from streams.runners.embedded import EmbeddedRunner
from streams.runners.memory import settle
from tests.bench.disk import raw_seconds, written_by
from tests.bench.harness import Figure, Report

SEED, CASES, BATCH = 3, 9_000, 256
TURN = 8
FLOOR = 5_000
LIMITS = Limits()

Batch = tuple[str, bytes]
"""Source, NDJSON."""


class Run(NamedTuple):
    """One run: seconds on the clock, seconds of processor, commits of the door, bytes and rows written."""

    seconds: float
    cpu: float
    raw: float


def batches(city: City) -> tuple[list[Batch], list[Batch]]:
    """Return the city's events as its sources would send them at once: repeats among them, marks left out.

    Apart from the rest stands what is sent before the clock starts, a batch a source: its first event of each type, for
    codecs, keys and decision tables are made when they are first asked for.
    """
    first: dict[str, dict[str, bytes]] = defaultdict(dict)
    rest: dict[str, list[bytes]] = defaultdict(list)
    for delivery in city.deliveries:
        if delivery.event is not None:
            line = json.dumps(delivery.event, ensure_ascii=False).encode()
            if first[delivery.source].setdefault(delivery.event["type"], line) is not line:
                rest[delivery.source].append(line)
    warm = [(source, b"\n".join(lines.values())) for source, lines in first.items()]
    return warm, [
        (source, b"\n".join(lines[start : start + BATCH]))
        for source, lines in rest.items()
        for start in range(0, len(lines), BATCH)
    ]


def last_marks(city: City) -> dict[str, int]:
    """Return the last mark of each source that declares any: one of them is silent."""
    return {delivery.source: delivery.mark for delivery in city.deliveries if delivery.mark is not None}


def publish(node: Node, load: Sequence[Batch]) -> None:
    """Send every batch through the door, one commit each, and render its answer."""
    for source, body in load:
        read = read_lines(body, LIMITS)
        (outcomes,) = node.door.accept_all([Request(node.sources.get(source), read.events, bodies=read.bodies)])
        if answer(outcomes, read.lines, "en").status >= 300:
            raise AssertionError(source)


def runner_of(node: Node) -> EmbeddedRunner:
    """Return the runner of a node on the embedded bus."""
    assert isinstance(node.runner, EmbeddedRunner)
    return node.runner


def in_turn(node: Node, load: Sequence[Batch]) -> None:
    """Publish a few batches, let the worker do what there is, and so on."""
    for start in range(0, len(load), TURN):
        publish(node, load[start : start + TURN])
        while runner_of(node).step():
            pass


def two_threads(node: Node, load: Sequence[Batch]) -> None:
    """Publish while the worker works, as the node process does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    stop = threading.Event()
    worker = threading.Thread(target=node.runner.run, args=(stop, print))
    worker.start()
    publish(node, load)
    stop.set()
    worker.join()
    sys.setswitchinterval(before)


def measure(
    warm: Sequence[Batch], load: Sequence[Batch], city: City, data: Path, *, read_model: bool, threads: int = 1
) -> Run:
    """Run the load through a fresh node; the read model is made too where that is asked."""
    node = open_node(data, Site.load(SITE), clock=ManualClock(city.end_us))
    if not read_model:
        runner_of(node).projector = None
    in_turn(node, warm)
    settle()
    began, cpu = time.perf_counter(), time.process_time()
    (two_threads if threads == 2 else in_turn)(node, load)
    for source, mark in last_marks(city).items():
        node.door.complete_to(source, mark)
    node.pump()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    node.close()
    outcome = outcome_of(data, city, seconds)
    if not outcome.ok:
        raise AssertionError(outcome.as_dict())
    sent = len(warm) + len(load)
    return Run(seconds, cpu, raw_seconds(written_by(data), 2 * sent) * len(load) / sent)


def run() -> Report:
    """Run the load three times: without the read model, with it, and with it in two threads."""
    city = simulate(SEED, CASES)
    warm, load = batches(city)
    random.Random(SEED).shuffle(load)  # noqa: S311 - an order that repeats
    events = sum(body.count(b"\n") + 1 for _, body in load)
    with tempfile.TemporaryDirectory() as folder:
        bare = measure(warm, load, city, Path(folder) / "bare", read_model=False)
        full = measure(warm, load, city, Path(folder) / "full", read_model=True)
        busy = measure(warm, load, city, Path(folder) / "busy", read_model=True, threads=2)
    site = Site.load(SITE)
    about = {
        "events": events,
        "batch": BATCH,
        "batches": len(load),
        "batches before the clock": len(warm),
        "subscriptions": [subscription.id for subscription in site.subscriptions],
        "models": "every bundled one",
        "turn": f"{TURN} batches",
        "load average": round(os.getloadavg()[0], 1),
    }
    return Report(
        "embedded",
        about,
        [
            Figure("publish → view + audit + alert", events / bare.seconds, "events/s", FLOOR, raw=events / bare.raw),
            Figure("the same, by seconds of processor", events / bare.cpu, "events/s"),
            Figure("the same, read model included", events / full.seconds, "events/s", raw=events / full.raw),
            Figure(
                "read model, door and worker in two threads", events / busy.seconds, "events/s", raw=events / busy.raw
            ),
        ],
    )
