"""`audit-index`: the search index beside a node that takes 5,000 source events a second, and catching up afterwards.

A node as it runs: its door over HTTP, its worker beside it, a head each second; a city's batches are sent at the rate.
First without the follower, then with it, in a process of its own as `node up` starts it. The index then is thrown away
and the same process makes it anew from the node's own log. Raw: the latency of batches without the follower; for rows
SQLite's own inserts.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from schemas.clock import ManualClock
from security.audit.record import Entry
from services.auditor.index import AuditIndex, covered
from services.demo.stage import SITE
from services.gateway.app import Gateway, create_app
from services.node.auditing import head_keeper_of
from services.node.node import Node, open_node
from services.node.site import Site
from services.node.supervisor import ROOT, index_child
from services.simulator.city import simulate
from streams.runners.memory import settle
from tests.bench.bench_audit_search import raw_inserts
from tests.bench.bench_embedded import Batch, batches, in_turn
from tests.bench.bench_gateway import Server, SourceNames, events_of, posts_of, worker_beside
from tests.bench.harness import Figure, Report
from tests.bench.http_load import Plan, Told
from tests.bench.http_load import run as run_load

SEED, CASES = 5, int(os.environ.get("CASEBUS_BENCH_CASES", "20000"))
RATE = 5_000
CONNECTIONS = 8
RUN = 256
LOOK_SECONDS = 0.1
PRELOAD = 400_000
"""Records of catching up: written before, so that it takes seconds."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Lag:
    """How far the index was behind the signed head, sampled while a load ran."""

    most: int = 0
    seconds: float = 0
    samples: list[int] = field(default_factory=list)


@contextmanager
def follower(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the process that follows, as `node up` does."""
    process = subprocess.Popen(index_child(data).command, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def processor(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of processor that a process has used."""
    said = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / TICKS


def behind(node: Node) -> int:
    """Return how many signed records the index does not cover."""
    return node.audit.head.size - covered(node.data.index)


def paced(port: int, load: list[Batch]) -> Told:
    """Send batches at the rate; each must be taken."""
    rate = RATE / (events_of(load) / len(load))
    told = run_load(port, Plan(posts_of(load), CONNECTIONS, rate))
    if told.statuses != {"202": len(load)}:
        raise AssertionError(told.statuses)
    return told


def watched(node: Node, stop: threading.Event, lag: Lag) -> None:
    """Sample how far the index is behind until told to stop."""
    while not stop.wait(LOOK_SECONDS):
        lag.samples.append(behind(node))


def caught_up(node: Node) -> float:
    """Return the seconds until the index covers every whole run under the head."""
    began = time.perf_counter()
    while behind(node) >= RUN:
        time.sleep(0.02)
    return time.perf_counter() - began


def followed(node: Node, port: int, load: list[Batch], lag: Lag) -> tuple[Told, float]:
    """Send a load with the follower beside it; return what came of it and the follower's processor seconds."""
    with follower(node.data.root) as process:
        caught_up(node)
        before, stop = processor(process), threading.Event()
        watcher = threading.Thread(target=watched, args=(node, stop, lag))
        watcher.start()
        told = paced(port, load)
        lag.seconds = caught_up(node)
        stop.set()
        watcher.join()
        return told, processor(process) - before


def anew(node: Node) -> tuple[float, float, int]:
    """Make the index anew by the follower; return the seconds, its processor seconds, and the rows."""
    for suffix in ("", "-wal", "-shm"):
        node.data.index.with_name(node.data.index.name + suffix).unlink(missing_ok=True)
    with follower(node.data.root) as process:
        while not covered(node.data.index):
            time.sleep(0.01)
        done, used = covered(node.data.index), processor(process)
        took = caught_up(node)
        used = processor(process) - used
    index = AuditIndex(node.data.index)
    rows = index.count()
    index.close()
    share = 1 - done / node.audit.head.size
    return took, used, round(rows * share)


def run() -> Report:
    """Open a node, send, follow, and make the index anew."""
    city = simulate(SEED, CASES)
    warm, rest = batches(city)
    half = len(rest) // 2
    lag = Lag()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "node"
        node = open_node(data, Site.load(SITE), clock=ManualClock(city.end_us))
        in_turn(node, warm)
        settle()
        pulse = head_keeper_of(node)
        with Server(create_app(Gateway(node.door, SourceNames(), node.clock))).running() as server, worker_beside(node):
            pulse.start()
            alone = paced(server.port, rest[:half])
            before = node.audit.size
            beside, used = followed(node, server.port, rest[half:], lag)
            written = node.audit.size - before
            pulse.stop()
        fill(node)
        took, made, rows = anew(node)
        raw = raw_inserts(node.data.index, Path(folder) / "raw.db")
        node.close()
    figures = load_figures(alone, beside, events_of(rest[half:]), lag, used)
    figures += [
        Figure("catching up", rows / took, "rows/s", floor=60_000, raw=raw),
        Figure("the same, by seconds of processor", rows / made, "rows/s", raw=raw),
    ]
    return Report(
        "audit-index",
        {
            "events": events_of(rest),
            "events_a_second": RATE,
            "events_a_batch": round(events_of(rest) / len(rest), 1),
            "seconds_with_the_follower": round(beside.seconds, 1),
            "records_written_meanwhile": written,
            "records_caught_up": PRELOAD,
            "load average": round(os.getloadavg()[0], 1),
        },
        figures,
    )


def load_figures(alone: Told, beside: Told, events: int, lag: Lag, used: float) -> list[Figure]:
    """Return the figures of the load: with the follower beside it, the same without as raw."""
    figures = [
        Figure("events sent with the follower beside", events / beside.seconds, "events/s", floor=RATE * 0.95),
        Figure("most records the index was behind", max(lag.samples), "records", better="lower"),
        Figure("behind when the load ended", lag.seconds, "s", floor=5, better="lower"),
        Figure("the follower's share of one processor", used / beside.seconds, "of 1", better="lower"),
    ]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        text = f"{name} of a batch, the follower beside; raw: without"
        figure, raw = beside.quantile(share) * 1e3, alone.quantile(share) * 1e3
        figures.append(Figure(text, figure, "ms", better="lower", raw=raw))
    return figures


def fill(node: Node) -> None:
    """Give the log enough that catching up takes seconds: manifests of one event, and openings of cases."""
    for first in range(0, PRELOAD, 4_096):
        node.audit.append([entry(number) for number in range(first, first + 4_096)])
    node.audit.checkpoint()


def entry(number: int) -> Entry:
    """Return a manifest, or every fourth time an opening."""
    if number % 4:
        data = {"denied": 0, "events": [f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}"], "withheld": 2}
        return Entry(
            act="release", org=f"org-{number % 16}", purpose="supervision", obj=f"sub-{number % 40}", data=data
        )
    case = f"{number * 0x9E3779B97F4A7C15 % 50_000:064x}"
    return Entry(
        act="open", actor=f"a{number % 300}", org="org-1", role="P_CASE", case=case, data={"person": case[::-1]}
    )
