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
    """Run the benchmark: the best of five rounds, each with its own raw figure."""
    records = BATCH * BATCHES
    tree, said, hashes = [0.0], [0.0], [0.0]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        append_all(directory, batches())
        size = sum(p.stat().st_size for p in (directory / "audit" / "segments").glob("*")) // records
        for _ in range(5):
            tree.append(records / timed(lambda: check(directory, 2)))
            said.append(records / timed(lambda: check(directory, 3)))
            hashes.append(raw_hash(size))
    return Report(
        "audit-verify",
        {"records": records, "batch": BATCH, "bytes_a_record": size},
        [
            Figure("verified, level 2; raw: hashlib sha256", max(tree), "records/s", floor=400_000, raw=max(hashes)),
            Figure("verified, level 3; raw: hashlib sha256", max(said), "records/s", floor=250_000, raw=max(hashes)),
        ],
    )
