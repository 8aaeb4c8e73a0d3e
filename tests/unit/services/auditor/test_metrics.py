"""What is measured of the log is true: heads, what waits for a signature, the index's lag, faults of a verification."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from schemas.clock import SECOND
from security.audit.policy import Policy
from security.audit.record import Entry
from services.auditor.checking import Checking
from services.auditor.metrics import AuditCollector
from services.auditor.search import Searcher
from tests.unit.security.audit.workshop import KEY, open_log, segments


def test_the_gauges_follow_the_log(tmp_path: Path) -> None:
    """Before and after a head, an index, a verification of a log that was damaged."""
    directory, index = tmp_path / "audit", tmp_path / "index.db"
    log, checking, registry = open_log(directory), Checking(directory), CollectorRegistry()
    registry.register(AuditCollector(directory, index, log, checking, lambda: 90 * SECOND))

    def told(name: str) -> float:
        value = registry.get_sample_value(f"casebus_audit_{name}")
        assert value is not None
        return value

    log.append([Entry(act="login")] * 600)
    assert (told("records"), told("head_records"), told("unsigned_records")) == (600, 0, 600)
    log.checkpoint()
    assert (told("unsigned_records"), told("index_lag_records"), told("unwitnessed_seconds")) == (0, 600, 90)
    assert told("head_timestamp_seconds") > 0
    with Searcher.open(directory, Policy.of_key(KEY), index):
        assert told("index_lag_records") == 600 % 256
    assert (told("faults"), told("verified_timestamp_seconds"), told("poisoned")) == (0, 0, 0)

    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    checking.begin(3)
    checking.join(30)

    assert told("faults") > 0
    assert told("verified_timestamp_seconds") > 0
    log.close()
