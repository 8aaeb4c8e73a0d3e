"""`./run bench kafka-whole`: publish → alert over HTTP, a real Kafka and two workers, all on one machine of two cores.

Everything is a process of its own: the broker, the node (`casebus node up --kafka`), `casebus worker release` and
`supervise`, and a publisher that posts batches at a stated rate. First the full rate for `CASEBUS_BENCH_SECONDS` (300),
then half of it for a fifth of that, where latencies are taken. A read_committed reader notes when each alert is there.
The workers have little room for their states, so that memory has to be flat in the second half. That can be told of
runs in which half a million events come before it: until then the process's own memories (names of cases) fill.
The node runs on a scaled clock, so that limits of hours end by the second; seconds of the figures are the machine's.

Sustained is what comes out: alerts of the match model that became readable, times the events each stands for. A
deadline's latency counts from the mark that passed its limit; marks are told to the workers once a second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.kafka.cluster import Cluster
from services.demo.check import free_port
from services.node.site import Site
from streams.runners.kafka_node import KafkaNodeRunner
from tests.bench.harness import Figure, Report
from tests.bench.watched import Watch
from tests.bench.whole_alerts import DEADLINE, MATCH, OVERDUE, AlertReader, after_mark, latencies, quantile
from tests.bench.whole_load import SITE, Phase, Told
from tests.bench.whole_processes import STAGES, STATE_MIB, Running, lag, metric, prepared, processes, settle
from tests.integration.kafka.installation import Installation
from tests.integration.node_process import ROOT

SECONDS = float(os.environ.get("CASEBUS_BENCH_SECONDS", "300"))
RATE = float(os.environ.get("CASEBUS_BENCH_RATE", "5200"))
BATCH = int(os.environ.get("CASEBUS_BENCH_BATCH", "128"))
SHARE = 1
PARTITIONS = 2
CLOCK_RATE = 3000.0
FLOOR, P99_FLOOR = 5_000, 500.0
WARM, REST = 8.0, 5.0
WINDOW = 10.0
TOPICS = ("casebus.raw", "casebus.work", "casebus.audit", "casebus.changelog.release", "casebus.changelog.supervise")
BLOCK = 512
CORES = 2
FLAT = 20
"""Bytes an event that a worker may grow by once its room for states is used up."""


def run() -> Report:
    """Set everything up, send, and reckon."""
    folder = Path(tempfile.mkdtemp(prefix="casebus-whole-"))
    cluster = Cluster.make(folder / "cluster")
    cluster.start(tied=True)
    try:
        office = Installation(cluster.address(), folder / "data", Site.load(SITE), PARTITIONS)
        office.make_topics()
        running = Running(office, prepared(office, BATCH, SHARE, CLOCK_RATE), free_port())
        half = max(SECONDS / 5, 15.0)
        running.plan.phases = [(RATE / 2, WARM), (RATE, SECONDS), (RATE / 2, REST), (RATE / 2, half)]
        running.pids["kafka"] = cluster.processes[1].pid
        with processes(running):
            return measured(running, cluster)
    finally:
        cluster.remove()
        if "CASEBUS_BENCH_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Course:
    """What a run gave: what the publisher told, alerts, samples, lags (at, stage → records), work records."""

    told: Told
    reader: AlertReader
    watch: Watch
    lags: list[tuple[float, dict[str, float]]]
    applied: list[tuple[float, float, float]]


def measured(running: Running, cluster: Cluster) -> Report:
    """Let the publisher send its plan while everything is watched; then reckon."""
    plan_file = running.office.data.parent / "plan.json"
    plan_file.write_text(json.dumps(running.plan.__dict__), encoding="utf-8")
    reader = AlertReader(running.office.address, min(4, PARTITIONS))
    command = [sys.executable, "-m", "tests.bench.whole_load", str(running.node_port), str(plan_file)]
    lags: list[tuple[float, dict[str, float]]] = []
    applied: list[tuple[float, float, float]] = []
    with reader.reading():
        publisher = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        watch = Watch({**running.pids, "publisher": publisher.pid})
        with watch.looking():
            told = told_of(publisher, running, lags, applied)
            settle(running)
            time.sleep(1)
    course = Course(told, reader, watch, lags, applied)
    return report(running, course, cluster)


def told_of(publisher: Any, running: Running, lags: list[Any], applied: list[Any]) -> Told:
    """Follow lags until the publisher is done; return what it told."""
    text: list[bytes] = []
    thread = threading.Thread(target=lambda: text.append(publisher.communicate()[0]))
    thread.start()
    while thread.is_alive():
        lags.append((time.time(), {stage: lag(running, stage) or 0.0 for stage in STAGES}))
        records = metric(running, "supervise", "casebus_worker_records_total", 'verdict="applied"') or 0.0
        transactions = metric(running, "supervise", "casebus_worker_transactions_total") or 0.0
        applied.append((time.time(), records, transactions))
        thread.join(1.0)
    body = json.loads(text[0])
    body["phases"] = [Phase(**each) for each in body["phases"]]
    return Told(**body)


def sustained(course: Course, phase: Phase) -> tuple[float, float]:
    """Return the mean rate and that of the worst ten seconds at which events came to their alerts."""
    each = 4 * (BATCH // 4) - 1
    times = sorted(s.at for s in course.reader.seen if s.model == MATCH)
    inside = [at for at in times if phase.began <= at <= phase.ended]
    if len(inside) < 2:
        return 0.0, 0.0
    windows = int((phase.ended - phase.began) / WINDOW)
    counts = [0] * windows
    for at in inside:
        place = int((at - phase.began) / WINDOW)
        if place < windows:
            counts[place] += 1
    mean = len(inside) * each / SHARE / (phase.ended - phase.began)
    return mean, min(counts[1:] or counts) * each / SHARE / WINDOW


def report(running: Running, course: Course, cluster: Cluster) -> Report:
    """Make the figures."""
    _, full, _, half = course.told.phases
    mean, worst = sustained(course, full)
    figures = [
        Figure("source events to their alerts, sustained", mean, "events/s", FLOOR),
        Figure("the same, worst ten seconds", worst, "events/s"),
        *worked(course, full),
        *late(running, course, half),
        *spent(course, full),
        *flat(course, full),
    ]
    total = sum(phase.events for phase in course.told.phases)
    figures += [
        Figure("alerts that came twice", course.reader.twice, "", 0, "lower"),
        Figure("disk of the broker", disk(cluster.folder) / total, "bytes/event", better="lower"),
        *(
            Figure(f"of it {topic}", disk(cluster.folder, topic) / total, "bytes/event", better="lower")
            for topic in TOPICS
        ),
        Figure("disk of the audit logs", disk(running.office.data) / total, "bytes/event", better="lower"),
    ]
    if set(course.told.statuses) - {"202", "200"}:
        raise AssertionError(course.told.statuses)
    load = {
        "seconds": SECONDS,
        "rate asked for": RATE,
        "batch": BATCH,
        "sources": len(running.plan.tokens),
        "models": 3,
        "subscriptions": 1,
        "partitions": PARTITIONS,
        "workers": "1 release, 1 supervise",
        "memory of states, each worker": f"{STATE_MIB} MiB",
        "events": total,
        "alerts": len(course.reader.seen),
        "alerts not final": course.reader.other,
        "load average": round(os.getloadavg()[0], 1),
    }
    return Report("kafka-whole", load, figures)


def worked(course: Course, phase: Phase) -> list[Figure]:
    """Say what was published, and the work items apart."""
    inside = [each for each in course.applied if phase.began <= each[0] <= phase.ended]
    (first, before, begun), (last, after, done) = inside[0], inside[-1]
    rate = (after - before) / (last - first)
    return [
        Figure("source events acknowledged", phase.events / (phase.ended - phase.began), "events/s"),
        Figure("latest a batch was sent after its time", phase.late * 1000, "ms", better="lower"),
        Figure("answer of the gateway, p99", quantile(sorted(phase.answers), 0.99), "ms", better="lower"),
        Figure("work records supervised", rate, "records/s"),
        Figure("records of a supervise transaction", (after - before) / max(1.0, done - begun), "records"),
    ]


def late(running: Running, course: Course, phase: Phase) -> list[Figure]:
    """Make the figures of latency, at half the rate."""
    seen, plan = course.reader.seen, running.plan
    figures = []
    for model, name in ((MATCH, "match"), (OVERDUE, "overdue")):
        found = latencies(seen, model, plan, phase.began, phase.ended)
        figures.append(Figure(f"publish → readable {name} alert, p50", quantile(found, 0.5), "ms", better="lower"))
        figures.append(
            Figure(f"publish → readable {name} alert, p99", quantile(found, 0.99), "ms", P99_FLOOR, better="lower")
        )
    marked = after_mark(seen, plan, course.told.marks, phase.began, phase.ended)
    interval = KafkaNodeRunner.MARK_INTERVAL * 1000
    due = latencies(seen, DEADLINE, plan, phase.began, phase.ended)
    return [
        *figures,
        Figure("mark → readable deadline alert, p50", quantile(marked, 0.5), "ms", better="lower"),
        Figure(
            "mark → readable deadline alert, p99",
            quantile(marked, 0.99),
            "ms",
            interval + P99_FLOOR,
            better="lower",
        ),
        Figure("deadline → readable alert, p99", quantile(due, 0.99), "ms", better="lower"),
        Figure(
            "a mark of a source, its answer, p99",
            quantile(sorted(course.told.mark_answers), 0.99),
            "ms",
            better="lower",
        ),
    ]


def spent(course: Course, phase: Phase) -> list[Figure]:
    """Say the processor time of each process at the full rate."""
    figures, total = [], 0.0
    for name in course.watch.pids:
        cpu = course.watch.cpu(name, phase.began, phase.ended)
        total += cpu
        figures.append(Figure(f"processor of {name}", 1e6 * cpu / phase.events, "µs/event", better="lower"))
    all_of_it = 1e6 * total / phase.events
    return [
        *figures,
        Figure("processor of all", all_of_it, "µs/event", better="lower"),
        Figure(f"{CORES} cores by that, if nobody else were on them", CORES * 1e6 / all_of_it, "events/s"),
    ]


def flat(course: Course, phase: Phase) -> list[Figure]:
    """Say how memory and lag went: in the last quarter against the first."""
    seconds = phase.ended - phase.began
    early, end = phase.began + seconds / 2, phase.ended
    figures = []
    for name in course.watch.pids:
        grown = course.watch.rss(name, end) - course.watch.rss(name, early)
        figures.append(Figure(f"memory of {name} at the end", course.watch.rss(name, end) / 2**20, "MiB"))
        per_event = grown / (phase.events / 2)
        floor = FLAT if name in STAGES else None
        figures.append(Figure(f"memory of {name}, second half", per_event, "bytes/event", floor, better="lower"))
    for stage in STAGES:
        lags = [(at, each[stage]) for at, each in course.lags if phase.began <= at <= phase.ended]
        for name, part in (("first", lags[: len(lags) // 4]), ("last", lags[-(len(lags) // 4) or -1 :])):
            mean = sum(value for _, value in part) / max(1, len(part))
            figures.append(Figure(f"lag of {stage}, {name} quarter", mean, "records", better="lower"))
    return figures


def disk(folder: Path, topic: str = "") -> int:
    """Count the bytes on disk below a folder, or of the partitions of topics whose names begin so."""
    found = folder.rglob(f"{topic}*/*" if topic else "*")
    return sum(path.stat().st_blocks * BLOCK for path in found if path.is_file())
