"""What a worker tells Prometheus, on 127.0.0.1 only: counts, lag and times; never a key, a subject or a name.

casebus_worker_records_total{stage,topic,partition,verdict}   applied, old, repeat, hole
casebus_worker_lag_records{…}           last stable offset less the durable position (markers count as records)
casebus_worker_waiting_records{…}       applied and not yet durable
casebus_worker_transactions_total{…}    and casebus_worker_transaction_seconds_total: count and time of commits
casebus_worker_seeks_total{…}           readings repeated because of a hole or a silence
casebus_worker_restored_records{…}      and casebus_worker_restore_seconds: of the last opening
casebus_worker_state_values{…}          values of its state in memory; casebus_worker_state_bytes: what they take there
casebus_worker_state_spilled{…}         values in the partition's file; casebus_worker_state_file_bytes: how large it is
casebus_worker_state_reads_total{…}     values fetched from that file
casebus_worker_held{stage}              1 while the worker waits, such as for the witnesses of its audit log
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from streams.runners.faust.partition import OpenPartition
    from streams.runners.faust.worker import Worker

LOOPBACK = "127.0.0.1"
LABELS = ("stage", "topic", "partition")
GAUGES: dict[str, tuple[str, Callable[[OpenPartition], float]]] = {
    "casebus_worker_waiting_records": ("Applied and not yet durable.", lambda p: p.waiting),
    "casebus_worker_restored_records": ("Records read when the partition was opened.", lambda p: p.restored.records),
    "casebus_worker_restore_seconds": ("Time that took.", lambda p: p.restored.seconds),
    "casebus_worker_state_values": ("Values of its state in memory.", lambda p: p.state.held),
    "casebus_worker_state_bytes": ("Memory they take, about.", lambda p: p.state.weight),
    "casebus_worker_state_spilled": ("Values of its state in its file alone.", lambda p: p.state.spilled),
    "casebus_worker_state_file_bytes": ("Size of that file.", lambda p: p.state.file_bytes),
}
COUNTERS: dict[str, tuple[str, Callable[[OpenPartition], float]]] = {
    "casebus_worker_transactions": ("Transactions committed.", lambda p: p.counts.transactions),
    "casebus_worker_transaction_seconds": ("Time they took.", lambda p: p.counts.transaction_seconds),
    "casebus_worker_seeks": ("Readings repeated because of a hole or a silence.", lambda p: p.counts.seeks),
    "casebus_worker_state_reads": ("Values fetched from the file.", lambda p: p.state.reads),
}


class WorkerCollector(Collector):
    """Reads a worker's partitions when it is asked."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        open_now = list(self._worker.partitions.items())
        labelled = [((self._worker.stage.name, s.topic, str(s.partition)), s, p) for s, p in open_now]
        for name, (about, read) in GAUGES.items():
            gauge = GaugeMetricFamily(name, about, labels=LABELS)
            for labels, _, partition in labelled:
                gauge.add_metric(labels, read(partition))
            yield gauge
        for name, (about, read) in COUNTERS.items():
            counter = CounterMetricFamily(name, about, labels=LABELS)
            for labels, _, partition in labelled:
                counter.add_metric(labels, read(partition))
            yield counter
        lag = GaugeMetricFamily(
            "casebus_worker_lag_records", "Last stable offset less durable position.", labels=LABELS
        )
        records = CounterMetricFamily("casebus_worker_records", "Records by verdict.", labels=(*LABELS, "verdict"))
        for labels, source, partition in labelled:
            stable = self._worker.stable(source)
            if stable is not None:
                lag.add_metric(labels, max(0, stable - partition.durable))
            counts = partition.counts
            for verdict in ("applied", "old", "repeats", "holes"):
                records.add_metric((*labels, verdict), getattr(counts, verdict))
        yield lag
        yield records
        held = GaugeMetricFamily("casebus_worker_held", "1 while the worker waits at its gate.", labels=LABELS[:1])
        held.add_metric((self._worker.stage.name,), float(self._worker.held))
        yield held


def serve(worker: Worker, port: int) -> None:
    """Serve a worker's metrics on the loopback address; 0 takes any free port."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(worker))
    start_http_server(port, addr=LOOPBACK, registry=registry)
