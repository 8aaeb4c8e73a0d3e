"""`audit-append`: records made durable in the audit log, end to end, in batches of 1,024.

Each batch is encoded, chained, put into the tree, framed, written with its commit and made durable with one fdatasync;
heads are signed and published every 16,384 records. Two callers append in turn, as the workers of a node do: one is
encoded while the other's disk works; the figure of a single caller stands beside. The records are release manifests of
about 300 bytes. The replica (every group a second time, durable, before it counts) and the checker (every byte read
again before a head is signed) stand apart, each with its own figure and their cost against the same without; the index
follows in a process of its own: `audit-index`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from schemas.clock import SystemClock
from security.audit.directory_replica import DirectoryReplica
from security.audit.log import EVERY, AuditLog
from security.audit.record import Entry
from security.keys.signing import Ed25519Signer
from tests.bench.harness import Figure, Report

BATCH = 1_024
BATCHES = 100
ORIGIN = "casebus.bench/990100/audit/n1"
SIGNER = Ed25519Signer(bytes(range(32)))


def manifest(number: int) -> Entry:
    """Return a release manifest as the release worker writes it."""
    return Entry(
        act="release",
        ctl=7,
        data={"classes": 5, "events": [f"{number:032x}"], "sub": "sub-990103-m01", "withheld": 2},
        obj=f"{number:016x}",
        off=number,
        part=number % 4,
        pol="p1-5d41402abc4b2a76",
        topic="casebus.raw.police-990103",
    )


def batches() -> list[list[Entry]]:
    """Return the load."""
    return [[manifest(n) for n in range(at, at + BATCH)] for at in range(0, BATCH * BATCHES, BATCH)]


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def append_all(
    directory: Path, load: list[list[Entry]], callers: int = 1, *, checked: bool = False, replica: bool = False
) -> float:
    """Write the load to a new log; return the seconds up to the last acknowledged batch."""
    log = AuditLog.open(directory / "audit", ORIGIN, "n1", SIGNER, SystemClock(), checked=checked)
    if replica:
        log.replicate(DirectoryReplica(directory / "replica", ORIGIN, new=True))
    threads = ThreadPoolExecutor(callers)
    seconds = timed(lambda: deque(threads.map(log.append, load), maxlen=0))
    threads.shutdown()
    log.close()
    return seconds


def raw_hash(size: int) -> float:
    """Return how many buffers of `size` hashlib hashes a second."""
    payload, count = os.urandom(size), 200_000
    return count / timed(lambda: [sha256(payload).digest() for _ in range(count)])


def raw_disk(directory: Path, size: int) -> float:
    """Return how many records of `size` a second go to a preallocated file in batches, each with an fdatasync."""
    payload = os.urandom(size * BATCH)
    descriptor = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, len(payload) * BATCHES)
        os.fsync(descriptor)

        def write() -> None:
            for n in range(BATCHES):
                os.pwrite(descriptor, payload, n * len(payload))
                os.fdatasync(descriptor)

        return BATCH * BATCHES / timed(write)
    finally:
        os.close(descriptor)


def run() -> Report:
    """Run the benchmark: the best of five rounds, each with its own raw figures, so that a busy neighbour hits all."""
    load = batches()
    records = BATCH * BATCHES
    one, two, disk, hashes, copied, checked = [0.0], [0.0], [0.0], [0.0], [0.0], [0.0]
    processor: tuple[list[float], ...] = ([], [], [])
    for _ in range(5):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            two.append(records / append_all(directory / "two", load, callers=2))
            one.append(records / append_all(directory / "one", load))
            used = [time.process_time()]
            append_all(directory / "alone", load, callers=2)
            used.append(time.process_time())
            copied.append(records / append_all(directory / "copied", load, callers=2, replica=True))
            used.append(time.process_time())
            checked.append(records / append_all(directory / "checked", load, callers=2, checked=True))
            used.append(time.process_time())
            for held, before, after in zip(processor, used, used[1:], strict=False):
                held.append(records / (after - before))
            size = sum(p.stat().st_size for p in (directory / "one" / "audit" / "segments").glob("*")) // records
            hashes.append(raw_hash(size))
            disk.append(raw_disk(directory, size))
    about = {"records": records, "batch": BATCH, "bytes_a_record": size, "head_every": EVERY, "callers": 2}
    return Report(
        "audit-append",
        about,
        [
            Figure("durable, heads signed; raw: write+fdatasync", max(two), "records/s", floor=200_000, raw=max(disk)),
            Figure("the same; raw: hashlib sha256", max(two), "records/s", raw=max(hashes)),
            Figure("one caller, waits for each batch", max(one), "records/s", raw=max(disk)),
            Figure("with a replica; raw: the same without", max(copied), "records/s", raw=max(two)),
            Figure("with the checker; raw: the same without", max(checked), "records/s", raw=max(two)),
            *(
                Figure(f"{name}, by seconds of processor; raw: hashlib", max(held), "records/s", raw=max(hashes))
                for name, held in zip(("alone", "with a replica", "with the checker"), processor, strict=True)
            ),
        ],
    )
