"""`./run bench kafka-fines`: the whole road fines log through a node on a real Kafka and two supervise workers.

The alerts must be those of the back-test, id by id; where they are not, there are no figures. Broker, node and workers
share the machine. The raw figure is the back-test of the plain file in the same run: one process, no bus, no sealing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from deploy.kafka.cluster import Cluster
from tests.bench.fines import fines_log
from tests.bench.harness import Figure, Report
from tests.integration.fines_log import EVENTS, MODELS, final_of, from_file
from tests.integration.kafka.fines_on_kafka import fines_office, imported

PARTITIONS = 2


def run() -> Report:
    """Import the log while workers work, wait until all has taken effect, compare."""
    log = fines_log()
    began = time.process_time()
    expected = final_of(from_file(log))
    plain = time.process_time() - began
    folder = Path(tempfile.mkdtemp(prefix="casebus-kafka-fines-"))
    cluster = Cluster.make(folder / "cluster")
    cluster.start(tied=True)
    try:
        office = fines_office(cluster.address(), folder, MODELS, PARTITIONS)
        office.start_all()
        try:
            began, cpu = time.perf_counter(), time.process_time()
            told = imported(office, log)
            clock, cpu = time.perf_counter() - began, time.process_time() - cpu
            found = office.final()
        finally:
            before = os.times()
            office.stop()
            after = os.times()
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)
    if told["accepted"] != EVENTS:
        raise AssertionError(told)
    differing = sum(found.get(alert) != expected.get(alert) for alert in {*found, *expected})
    workers = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    load = {
        "events": EVENTS,
        "models": len(MODELS),
        "workers": "1 release, 2 supervise",
        "partitions": PARTITIONS,
        "load average": round(os.getloadavg()[0], 1),
    }
    return Report(
        "kafka-fines",
        load,
        [
            Figure("alerts that differ from the back-test", differing, "", 0, "lower"),
            Figure("alerts compared", len(expected), "alerts"),
            Figure("imported, released and supervised, by the clock", EVENTS / clock, "events/s", raw=EVENTS / plain),
            Figure("processor of the node", 1e6 * cpu / EVENTS, "µs/event", better="lower"),
            Figure(
                "processor of the three workers, their start counted",
                1e6 * workers / EVENTS,
                "µs/event",
                better="lower",
            ),
        ],
    )
