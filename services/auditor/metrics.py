"""What Prometheus is told of the audit log: heads, what waits for a signature or a witness, faults; numbers only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.clock import SECOND
from security.audit.checkpoint import Checkpoint
from security.audit.layout import Layout
from services.auditor.checking import Checking
from services.auditor.index import covered


class Log(Protocol):
    """The audit log, as far as it is measured."""

    @property
    def size(self) -> int:
        """Number of durable records."""
        ...

    @property
    def head(self) -> Checkpoint:
        """The newest signed head."""
        ...

    @property
    def poisoned(self) -> bool:
        """Whether writing has ended for good."""
        ...


class AuditCollector(Collector):
    """Measures when it is asked; `unwitnessed` tells for how long no quorum has seen the log, microseconds."""

    def __init__(
        self, directory: Path, index: Path, log: Log, checking: Checking, unwitnessed: Callable[[], int]
    ) -> None:
        self._layout, self._index, self._log = Layout(directory), index, log
        self._checking, self._unwitnessed = checking, unwitnessed

    def collect(self) -> Iterable[Metric]:
        """Return the gauges."""
        size, head = self._log.size, self._log.head.size
        yield _gauge("records", "Durable records", size)
        yield _gauge("head_records", "Records under the newest signed head", head)
        yield _gauge("unsigned_records", "Records above the newest signed head", size - head)
        yield _gauge("head_timestamp_seconds", "When the newest head was published", self._published())
        yield _gauge("unwitnessed_seconds", "How long records stand without a quorum of witnesses", self._unseen())
        yield _gauge(
            "index_lag_records", "Signed records that the index does not cover", max(0, head - self._covered())
        )
        yield _gauge("poisoned", "Whether the system failed and nothing is written any more", int(self._log.poisoned))
        yield _gauge("faults", "Faults that the last verification found", self._checking.faults)
        yield _gauge("verified_timestamp_seconds", "When the last verification ended, 0: never", self._checking.ended)

    def _published(self) -> float:
        try:
            return self._layout.checkpoint.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _unseen(self) -> float:
        return self._unwitnessed() / SECOND

    def _covered(self) -> int:
        return covered(self._index)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"casebus_audit_{name}", text, value=value)
