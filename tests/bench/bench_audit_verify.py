"""`audit-verify`: a log verified from disk, level 2 (every byte, chain, tree) and level 3 (what records say)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from security.audit.checkpoint import VerifierKey
from security.audit.verify import verify
from tests.bench.bench_audit_append import BATCH, BATCHES, ORIGIN, SIGNER, append_all, batches, raw_hash, timed
from tests.bench.harness import Figure, Report

KEY = VerifierKey(ORIGIN, SIGNER.public_key)


def check(directory: Path, level: int) -> None:
    """Verify the log; it must be in order."""
    report = verify(directory / "audit", level, KEY)
    if not report.ok or report.records != BATCH * BATCHES:
        raise AssertionError(report.as_dict())


def run() -> Report:
    """Run the benchmark: the best of three runs for each level."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        append_all(directory, batches())
        size = sum(p.stat().st_size for p in (directory / "audit" / "segments").glob("*")) // (BATCH * BATCHES)
        tree = min(timed(lambda: check(directory, 2)) for _ in range(3))
        records = min(timed(lambda: check(directory, 3)) for _ in range(3))
    raw = raw_hash(size)
    return Report(
        "audit-verify",
        {"records": BATCH * BATCHES, "batch": BATCH, "bytes_a_record": size},
        [
            Figure("verified, level 2 (tree)", BATCH * BATCHES / tree, "records/s", floor=300_000, raw=raw),
            Figure("verified, level 3 (records)", BATCH * BATCHES / records, "records/s", raw=raw),
        ],
    )
