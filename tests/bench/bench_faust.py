"""`./run bench faust`: one supervise worker on a real Kafka, two models, sealed; and how fast it comes back.

The records lie in Kafka before the worker starts. The rate runs from the moment the first partition is open to the
last record durable and committed; what the process takes to come up stands beside it, apart. The raw figure is the same
fold in one process without Kafka and without an audit log: the rest goes to transactions, changelog, Faust, and the log
with its replica. Broker and worker share the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient, NewTopic

from deploy.kafka.cluster import Cluster
from security.keys.file import FileKeystore
from security.keys.port import Keystore
from streams import alerts, work
from streams.audit_replica import PREFIX
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.port import Record
from streams.projections.marks import TOPIC as MARKS
from streams.runners.faust import placing, settings
from streams.runners.faust.changelog import STATE, restore
from streams.runners.faust.key_states import KEY, PartitionKeyStates
from streams.runners.faust.partition import GATHER_RECORDS
from streams.runners.faust.room import Room
from streams.runners.faust.stage import Item, Source
from streams.runners.faust.state import PartitionState, packed
from streams.runners.faust.supervise_stage import SuperviseStage
from streams.runners.memory import settle
from streams.runners.releasing import DEAD_LETTERS
from tests.bench.fines_load import AUDIT, Unkept, facts, stage, work_record
from tests.bench.harness import Figure, Report
from tests.house.tree import ROOT

EVENTS, BATCH, PARTITIONS, APPENDED_AT_ONCE = 480_000, 200, 2, 16
PATIENCE = 120.0
KEYS, SAMPLED, APPENDED = 200_000, 50, 2_000
NARROW, FLAT, TRACED = 8 << 20, 20, 600
"""Bytes of memory for the states where there is hardly any; bytes an event that it may grow by after they are used."""
RESTORED = "casebus.changelog.bench"
Rows = list[list[tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]]]


def run() -> Report:
    """Measure the stage alone, then on Kafka, then its restore."""
    folder = Path(tempfile.mkdtemp(prefix="casebus-bench-"))
    keystore = FileKeystore(folder / "keys.json")
    cluster = Cluster.make(folder / "cluster")
    cluster.start(tied=True)
    try:
        rows = _rows(keystore)
        alone = _alone(keystore, rows, sealed=True)
        bare = _alone(keystore, _rows(keystore, sealed=False), sealed=False)
        narrow, grown = _narrow(keystore, rows, folder)
        on_kafka, start, cpu = _on_kafka(cluster.address(), folder, rows)
        restored = _restored(cluster.address(), keystore, rows)
        spilled = _read_back(cluster.address(), keystore, Room(NARROW, folder))
        load: dict[str, Any] = {
            "events": EVENTS,
            "events a record": BATCH,
            "models": 2,
            "partitions": PARTITIONS,
            "workers": 1,
        }
        load["memory of states, MiB"] = settings.STATE_MIB
        return Report(
            "faust",
            load,
            [
                Figure("supervise on Kafka, sealed", on_kafka, "events/s", 50_000, raw=alone),
                Figure("CPU of the worker, start apart", cpu, "µs/event", better="lower", raw=round(1e6 / alone, 1)),
                Figure("CPU of its start, up to the first partition open", start, "s", better="lower"),
                Figure("the same fold without Kafka, sealed", alone, "events/s"),
                Figure("the same fold without Kafka, unsealed", bare, "events/s"),
                Figure("the same fold with room for about a twentieth of its states", narrow, "events/s", raw=alone),
                Figure("memory of its states, second half", grown, "bytes/event", FLAT, better="lower"),
                Figure("restore", restored, "keys/s", 200_000),
                Figure("restore with room for about a twentieth", spilled, "keys/s", raw=restored),
            ],
        )
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _rows(keystore: Keystore, *, sealed: bool = True) -> Rows:
    """Make the work records of every partition."""
    made = stage(keystore, PARTITIONS, Unkept(), sealed=sealed)
    split = placing.by_partition(made.knowledge.at(1).engine, facts(EVENTS), PARTITIONS)
    return [
        [work_record(made, split[n][at : at + BATCH], at // BATCH) for at in range(0, len(split[n]), BATCH)]
        for n in range(PARTITIONS)
    ]


def _alone(keystore: Keystore, rows: Rows, *, sealed: bool) -> float:
    """Return the events a second that the stage takes in this process, everything made as for a transaction."""
    made, began = stage(keystore, PARTITIONS, Unkept(), sealed=sealed), time.perf_counter()
    for partition, records in enumerate(rows):
        for _ in _folded(made, partition, records, PartitionState()):
            pass
    return round(EVENTS / (time.perf_counter() - began))


def _narrow(keystore: Keystore, rows: Rows, folder: Path) -> tuple[float, float]:
    """Return the same with hardly any room: events a second, and bytes of memory an event it grows by in the end."""
    made, began = stage(keystore, PARTITIONS, Unkept()), time.perf_counter()
    for partition, records in enumerate(rows):
        state = PartitionState(room=Room(NARROW // PARTITIONS, folder))
        for _ in _folded(made, partition, records, state):
            pass
        state.close()
    return round(EVENTS / (time.perf_counter() - began)), _grown(made, rows[0][:TRACED], folder)


def _grown(made: SuperviseStage, records: list[Any], folder: Path) -> float:
    """Return the bytes an event that states grow by in the second half; other memories are filled before."""
    for _ in _folded(made, 0, records, PartitionState()):
        pass
    state = PartitionState(room=Room(NARROW // PARTITIONS, folder))
    tracemalloc.start()
    taken = [tracemalloc.get_traced_memory()[0] for _ in _folded(made, 0, records, state)]
    tracemalloc.stop()
    assert state.spilled
    state.close()
    half = len(taken) // 2
    return round((taken[-1] - taken[half]) / ((len(taken) - 1 - half) * GATHER_RECORDS * BATCH), 1)


def _folded(made: SuperviseStage, partition: int, records: list[Any], state: PartitionState) -> Iterator[None]:
    """Fold the records of a partition, everything made as for a transaction; yield after each group."""
    step = made.open(Source(work.TOPIC, partition), state)
    for at in range(0, len(records), GATHER_RECORDS):
        group = [Item(at + n, *record) for n, record in enumerate(records[at : at + GATHER_RECORDS])]
        step.deliver(step.gather(group))
        for value in state.drain().values():
            packed(value)
        yield


def _on_kafka(address: KafkaAddress, folder: Path, rows: Rows) -> tuple[float, float, float]:
    """Return events a second from the first partition open to the last record durable; CPU of the start, per event."""
    names = {work.TOPIC, alerts.TOPIC, MARKS, DEAD_LETTERS, settings.changelog("supervise", work.TOPIC)}
    admin = KafkaAdminClient(**address.options())
    admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names] + [NewTopic(PREFIX + AUDIT, 1, 1)])
    appender = KafkaAppender(address, "bench")
    for partition, records in enumerate(rows):
        for at in range(0, len(records), APPENDED_AT_ONCE):
            appender.append(work.TOPIC, partition, [Record(*record) for record in records[at : at + APPENDED_AT_ONCE]])
    appender.close()
    worker = _start(address, folder, "first")
    opened = _opened(folder / "first.log")
    start = _cpu_seconds(worker.pid)
    _until_durable(admin, [len(records) for records in rows])
    seconds = time.time() - min(datetime.fromisoformat(line["timestamp"]).timestamp() for line in opened)
    cpu = _cpu_seconds(worker.pid) - start
    worker.terminate()
    worker.wait()
    admin.close()
    return round(EVENTS / seconds), start, round(cpu / EVENTS * 1e6, 1)


def _restored(address: KafkaAddress, keystore: Keystore, rows: Rows) -> float:
    """Return the keys a second of a restore: changelog read, states and the index of what is due made anew."""
    made, state = stage(keystore, 1, Unkept()), PartitionState()
    step = made.open(Source(work.TOPIC, 0), state)
    for n, record in enumerate(rows[0][:SAMPLED]):
        step.take(Item(n, *record))
    values = [value for key, each in state.drain().items() if key.startswith(KEY) and (value := packed(each))]
    admin = KafkaAdminClient(**address.options())
    admin.create_topics([NewTopic(RESTORED, 1, 1)])
    admin.close()
    appender = KafkaAppender(address, "bench")
    for at in range(0, KEYS, APPENDED):
        keys = (STATE + KEY + n.to_bytes(16, "big") for n in range(at, at + APPENDED))
        appender.append(RESTORED, 0, [Record(key, values[n % len(values)]) for n, key in enumerate(keys)])
    appender.close()
    return _read_back(address, keystore, Room(settings.STATE_MIB << 20, Path(tempfile.gettempdir())))


def _read_back(address: KafkaAddress, keystore: Keystore, room: Room) -> float:
    """Restore what was written; return keys a second."""
    sealer = stage(keystore, 1, Unkept()).sealer
    settle()  # as the worker does
    began = time.perf_counter()
    found = asyncio.run(restore(settings.Settings(address), RESTORED, 0, room))
    PartitionKeyStates(found.state, sealer)
    seconds = time.perf_counter() - began
    assert len(found.state) == KEYS
    found.state.close()
    return round(KEYS / seconds)


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _start(address: KafkaAddress, folder: Path, name: str) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.bench.faust_worker", str(folder / "keys.json"), str(PARTITIONS)],
            cwd=ROOT,
            env={**os.environ, **address.environment()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _opened(log: Path) -> list[dict[str, Any]]:
    """Wait until every partition is open; return the lines that say so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        found = [line for line in lines if line["event"] == "worker.partition_opened"]
        if len(found) >= PARTITIONS:
            return found[-PARTITIONS:]
        time.sleep(0.05)
    raise TimeoutError(log.read_text(encoding="utf-8")[-2000:])


def _until_durable(admin: KafkaAdminClient, ends: list[int]) -> None:
    group, deadline = settings.group("supervise"), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        committed = admin.list_group_offsets(group)[group]
        reached = {place.partition: at.offset for place, at in committed.items()}
        if all(reached.get(n, 0) >= end for n, end in enumerate(ends)):
            return
        time.sleep(0.1)
    raise TimeoutError(reached)
