"""`gateway-kill`: a hundred kills -9 of the gateway at random instants while four clients publish to it.

Every fifth kill comes within the first second and a half of an opening. At the end every receipt that was ever returned
is verified for its bytes and looked up in the audit log, every dead letter is looked up, and every event is counted on
the bus and where it was delivered. Raw is the machine's own: how long the same node takes to open after a clean start.
CASEBUS_BENCH_KILLS is another number of kills. Two gateways over Kafka, each with a log of its own, are killed in the
section `gateway` of `kafka-chaos`, and held to the same promises.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from tests.bench.harness import Figure, Report
from tests.integration.gateway_kill import BATCH, CLIENTS, kill_under_load

KILLS, SEED = int(os.environ.get("CASEBUS_BENCH_KILLS", "100")), 20261128


def run() -> Report:
    """Run it once and judge."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        verdict = kill_under_load(Path(folder) / "data", KILLS, SEED)
    took = time.monotonic() - began
    load = {
        "clients": CLIENTS,
        "events of a batch": BATCH,
        "receipts checked": verdict.receipts,
        "of them repeated": verdict.repeated,
        "dead letters checked": verdict.letters,
        "requests sent again": verdict.again,
        "seconds": round(took, 1),
    }
    figures = [
        Figure("kills -9 survived", verdict.kills, "kills", floor=KILLS),
        Figure("receipts lost or wrong, events doubled", len(verdict.faults), "faults", floor=0, better="lower"),
        Figure("clean stop at the end", verdict.stopped, "exit", floor=0, better="lower"),
        Figure("time a kill", took / KILLS, "s", None, "lower", verdict.opening_seconds),
    ]
    return Report("gateway-kill", load, figures)
