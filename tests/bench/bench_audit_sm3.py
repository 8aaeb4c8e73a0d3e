"""`audit-sm3`: the second head, with SM3, over the records of a log: leaf and nodes of each, and the root.

The records are the release manifests of `audit-append`, as entries. Raw is SM3 alone over
buffers of that size. Both by processor time.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from security.audit.reading import read
from security.audit.sm3 import Sm3Head, probed
from tests.bench.bench_audit_append import ORIGIN, append_all, batches
from tests.bench.harness import Figure, Report

ROUNDS = 3


def run() -> Report:
    """Run the benchmark: the best of three rounds by processor time."""
    with tempfile.TemporaryDirectory() as name:
        append_all(Path(name), batches())
        entries = [each.entry for each in read(Path(name) / "audit")]
    sm3, payload = probed(), os.urandom(len(entries[0]))
    best, raw = 0.0, 0.0
    for _ in range(ROUNDS):
        head, started = Sm3Head(ORIGIN), time.process_time()
        for entry in entries:
            head.add(entry)
        root = head.checkpoint
        best = max(best, root.size / (time.process_time() - started))
        started = time.process_time()
        for _ in entries:
            sm3(payload)
        raw = max(raw, len(entries) / (time.process_time() - started))
    return Report(
        "audit-sm3",
        {"records": len(entries), "bytes of an entry": len(entries[0])},
        [Figure("SM3 head, one core; raw: SM3 of one entry", best, "records/s", floor=90_000, raw=raw)],
    )
