"""`./run bench kafka-chaos`: stages, node and gateway on three brokers under faults of processes and brokers, proven.

Workers are killed by kill -9 (50 of each), frozen past their session, joined and taken away; then brokers are lost and
brought back, restarted in turn, and all gone for a minute. After that a whole installation: publishers over HTTP, a
node and a gateway beside it, both killed by kill -9 (50 times each), and their workers. The figures are what was wrong
(all must be nought) and what was done; the proof is a pure replay of everything.

`CASEBUS_BENCH_KILLS` is how many kills of each (50), `CASEBUS_BENCH_DARK` how many seconds all brokers are gone (60).
With fewer it says so: the floors stay.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from deploy.kafka.cluster import Cluster
from streams.runners.faust.failstop import Exit
from tests.bench.harness import Figure, Report
from tests.integration.kafka.chain_faults import Chain, torment
from tests.integration.kafka.chain_feed import Feed
from tests.integration.kafka.chain_proof import Proof, prove
from tests.integration.kafka.chain_stages import Topics
from tests.integration.kafka.gateway_faults import PARTITIONS, three_offices, torment_gateway
from tests.integration.kafka.installation import Installation
from tests.integration.kafka.outage import COPIES, Outages

FLOOR, MINUTE = 50, 60.0
KILLS = int(os.environ.get("CASEBUS_BENCH_KILLS", str(FLOOR)))
FREEZES, JOINS = min(12, KILLS), min(12, KILLS)
SECONDS = 1800.0
"""No longer than so: a machine that others use too may need it."""
SETTLE = 240.0
LINGER = 0.05
LOSSES, AWAY, DARK = 3, 8.0, float(os.environ.get("CASEBUS_BENCH_DARK", str(MINUTE)))
STAGES = ("release", "supervise")
BESIDE = ("release-1", "supervise-1")


def run() -> Report:
    """Torment a chain of two workers a stage and hold what is left against the replay."""
    folder = Path(tempfile.mkdtemp(prefix="casebus-chaos-"))
    cluster = Cluster.make(folder / "cluster", COPIES, extra={"group.min.session.timeout.ms": "1000"})
    cluster.start(tied=True)
    try:
        return _report(cluster, folder)
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _report(cluster: Cluster, folder: Path) -> Report:
    topics = Topics("chaos")
    logs = folder / "logs"
    logs.mkdir()
    chain, feed = Chain(cluster.address(), topics, logs), Feed(cluster.address(), topics, per_second=30)
    chain.copies, outages = COPIES, Outages(cluster, chain)
    # Transactions that stay open for a moment: kills and freezes strike in the midst of them.
    chain.linger = LINGER
    chain.make_topics()
    began = time.monotonic()
    try:
        for stage in STAGES:
            for number in range(2):
                chain.start(stage, f"{stage}-{number}")
        with feed.running():
            torment(chain, kills=KILLS, freezes=FREEZES, joins=JOINS, seconds=SECONDS)
            for number in range(1, LOSSES + 1):
                outages.lose(number, AWAY)
                chain.rest(AWAY)
            outages.roll()
            outages.black_out(DARK)
            chain.rest(AWAY)
        chain.settle(SETTLE)
    finally:
        chain.stop()
    seconds = time.monotonic() - began
    found = _figures(prove(cluster.address(), topics), chain, outages, logs)
    found += [Figure("time", round(seconds, 1), "s"), *_gateway(cluster, folder)]
    return Report("kafka-chaos", _load(chain, feed), found)


def _gateway(cluster: Cluster, folder: Path) -> list[Figure]:
    """Kill node and gateway of an installation under load, their workers beside them."""
    began = time.monotonic()
    office = Installation(cluster.address(), folder / "data", three_offices(), PARTITIONS, COPIES)
    run, whole = torment_gateway(office, KILLS, seed=1, workers=BESIDE)
    for breach in whole.breaches:
        print(breach, file=sys.stderr)
    return [
        Figure("gateway: promises broken", len(whole.breaches), "", 0, "lower"),
        *(Figure(f"gateway: kill -9 of {name}", run.kills[name], "", FLOOR) for name in run.gateways),
        Figure("gateway: kill -9 of workers beside it", sum(run.kills[each] for each in BESIDE), "", FLOOR),
        Figure("gateway: receipts that verify", sum(len(told.receipts) for told in run.told.values()), "receipts"),
        Figure("gateway: events that took effect once", len(whole.raw), "events"),
        Figure("gateway: events twice on raw, released once", whole.repeats, "events"),
        Figure("gateway: deliveries in a manifest before", whole.deliveries, "records"),
        Figure("gateway: alerts compared", len(whole.standing), "alerts"),
        Figure("gateway: raw partitions without an event", whole.idle, "", 1),
        Figure("gateway: time", round(time.monotonic() - began, 1), "s"),
    ]


def _load(chain: Chain, feed: Feed) -> dict[str, object]:
    return {
        "stages": len(STAGES),
        "brokers": COPIES,
        "workers": 4,
        "partitions": chain.topics.partitions,
        "raw records": feed.sent,
        "events a record": feed.events,
    }


def _figures(proof: Proof, chain: Chain, outages: Outages, logs: Path) -> list[Figure]:
    said = "".join(path.read_text(encoding="utf-8", errors="replace") for path in logs.glob("*.log"))
    return [
        Figure("faults against the replay", len(proof.faults), "", 0, "lower"),
        Figure("duplicates for read_committed", proof.duplicates, "", 0, "lower"),
        Figure("raw records replayed", proof.raw_records, "records"),
        Figure("work records compared", proof.work_records, "records"),
        Figure("alerts compared", proof.alerts, "alerts"),
        Figure("states compared", proof.states, "states"),
        *(Figure(f"kill -9 of {stage}", chain.kills[stage], "", FLOOR) for stage in STAGES),
        Figure("SIGSTOP past the session", chain.freezes, "", 10),
        Figure("members that came or went", chain.joins, "", 10),
        Figure("brokers lost and brought back", outages.losses, "", LOSSES),
        Figure("clean restarts of brokers", outages.restarts, "", COPIES),
        Figure("all brokers gone for a minute", outages.blackouts if DARK >= MINUTE else 0, "", 1),
        Figure("workers that were fenced and ended themselves", chain.exits[Exit.FENCED], ""),
        Figure("workers that ended otherwise", sum(chain.exits.values()) - chain.exits[Exit.FENCED], ""),
        Figure("partitions opened", said.count("worker.partition_opened"), ""),
        Figure("holes read again", said.count("worker.hole_found") + said.count("worker.silence_found"), ""),
    ]
