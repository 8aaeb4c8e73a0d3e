"""`audit-crash`: each system call of log, signer, checker, replica and witness fails once; then a thousand kills.

Every openat, write, fdatasync, rename, mkdir and what else changes files, by its number, with EIO, with ENOSPC, and
with a SIGKILL in it (strace); so each of a retirement of old segments. Afterwards what was acknowledged is there,
verification passes before and after a start, replica and log agree, a witness remembers what it signed, a retirement is
recorded or has not happened. `CASEBUS_CRASH_CASES` bounds the cases, drawn at random; raw is the time of a case without
a fault.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from pathlib import Path

from tests.bench.harness import Figure, Report
from tests.integration.audit_faults import cases, disturb
from tests.integration.audit_kills import kill_at_random

KILLS = 1_000
LIMIT = "CASEBUS_CRASH_CASES"


def run() -> Report:
    """Run all cases, or as many as asked for, and a thousand kills."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = [case for work in ("log", "witness", "retire") for case in cases(folder / f"count-{work}", work)]
        total = len(every)
        limit = int(os.environ.get(LIMIT, "0")) or total
        chosen = random.Random(1).sample(every, min(limit, total))  # noqa: S311 - can be repeated
        started = time.perf_counter()
        wrong = [f"{case}: {said}" for n, case in enumerate(chosen) if (said := disturb(folder / f"case{n}", case))]
        seconds = time.perf_counter() - started
        (folder / "kills").mkdir()
        killed = kill_at_random(folder / "kills", KILLS, seed=1)
    load = {
        "calls times faults": total,
        "cases run": len(chosen),
        "seconds a case": round(seconds / max(len(chosen), 1), 3),
        "kills": killed.kills,
        "groups acknowledged": killed.acknowledged,
        "records": killed.records,
        "wrong": wrong[:5],
    }
    return Report(
        "audit-crash",
        load,
        [
            Figure("cases that lost something or do not verify", len(wrong), "cases", floor=0, better="lower"),
            Figure("kills survived", killed.kills, "kills", floor=KILLS),
            Figure("acknowledged records lost", killed.lost, "records", floor=0, better="lower"),
            Figure("faults after the kills", len(killed.faults), "faults", floor=0, better="lower"),
        ],
    )
