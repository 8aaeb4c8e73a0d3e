"""`audit-search`: one person among 10^6 records, every hit proved under the signed head; how fast the index follows.

`CASEBUS_BENCH_RECORDS=10000000` asks among 10^7; `CASEBUS_BENCH_LOG=DIR` keeps log and index there for the next run.
Beside the rate of the index stands SQLite's own: the same rows, made before, into the same table. Beside the search
stands reading and hashing the bytes that the search reads.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from schemas.clock import SystemClock
from security.audit.checkpoint import VerifierKey
from security.audit.log import AuditLog
from security.audit.policy import Policy
from security.audit.record import Entry
from security.audit.terms import Question
from services.auditor.index import BATCH
from services.auditor.search import Searcher
from tests.bench.bench_audit_append import ORIGIN, SIGNER
from tests.bench.harness import Figure, Report

POLICY = Policy.of_key(VerifierKey(ORIGIN, SIGNER.public_key))
RECORDS = int(os.environ.get("CASEBUS_BENCH_RECORDS", "1000000"))
GROUP = 4_096
PERSONS = 50_000
"""Each person stands in RECORDS / 4 / PERSONS records: 5 of 10^6, 50 of 10^7."""
SEARCHES = 200


def entry(number: int, draw: random.Random) -> Entry:
    """Return a manifest of one event, or every fourth time a person's look-up."""
    if number % 4:
        event = f"{draw.getrandbits(128):032x}"
        return Entry(
            act="release",
            org=f"org-{number % 16}",
            purpose="supervision",
            obj=f"sub-{number % 40}",
            topic="casebus.raw.police",
            part=0,
            off=number,
            ctl=7,
            pol="p" * 40,
            idem=f"casebus.raw.police/0/{number}/sub-{number % 40}/7",
            data={"denied": 0, "events": [event], "withheld": 2},
        )
    person = sha256(b"%d" % draw.randrange(PERSONS)).hexdigest()
    data = {"person": person}
    return Entry(act="open", actor=f"a{number % 300}", org="org-1", role="P_CASE", case=person[::-1], data=data)


def write(directory: Path) -> None:
    """Write the log."""
    draw = random.Random(1)  # noqa: S311 - reproducible
    with AuditLog.open(directory, ORIGIN, "n1", SIGNER, SystemClock()) as log:
        for first in range(0, RECORDS, GROUP):
            log.append([entry(n, draw) for n in range(first, min(first + GROUP, RECORDS))])


def raw_inserts(index: Path, target: Path) -> float:
    """Return the rows a second of SQLite alone: the index's own rows of its first table, in the same batches."""
    source = sqlite3.connect(index)
    rows: list[tuple[int, int]] = source.execute("SELECT term, at FROM terms_0 ORDER BY at, term").fetchall()
    source.close()
    database = sqlite3.connect(target, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-65536")
    database.execute("CREATE TABLE t (term INTEGER, at INTEGER, PRIMARY KEY (term, at)) STRICT, WITHOUT ROWID")
    batches: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        batches.setdefault((row[1] >> 8) // BATCH, []).append(row)
    for batch in batches.values():
        batch.sort()
    start = time.perf_counter()
    for batch in batches.values():
        database.execute("BEGIN")
        database.executemany("INSERT OR IGNORE INTO t VALUES (?, ?)", batch)
        database.execute("COMMIT")
    took = time.perf_counter() - start
    database.close()
    return len(rows) / took


def measured(work: Callable[[int], object], times: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Return the seconds of each call, ascending; by another clock, such as the processor's."""
    found = []
    for number in range(times):
        start = clock()
        work(number)
        found.append(clock() - start)
    return sorted(found)


def run() -> Report:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as name:
        kept = Path(os.environ.get("CASEBUS_BENCH_LOG") or name)
        directory, path = kept / "audit", kept / "index.db"
        if not directory.exists():
            write(directory)
        size = sum(p.stat().st_size for p in (directory / "segments").glob("*")) // RECORDS
        start, used = time.perf_counter(), time.process_time()
        with Searcher.open(directory, POLICY, path) as searcher:
            took, used = time.perf_counter() - start, time.process_time() - used
            rows = searcher.index.rows
        raw = raw_inserts(path, Path(name) / "raw.db")
        opened = measured(lambda _: Searcher.open(directory, POLICY, path).index.close(), 5)
        bytes_on_disk = path.stat().st_size
        with Searcher.open(directory, POLICY, path) as searcher:
            persons = [sha256(b"%d" % n).hexdigest() for n in range(SEARCHES)]
            hits = scanned = 0

            def one(number: int) -> None:
                nonlocal hits, scanned
                answer = searcher.search(Question(person=(persons[number],)))
                hits += answer.found
                scanned += answer.scanned

            seconds = measured(one, SEARCHES)
            processor = measured(one, SEARCHES, time.process_time)
            block = os.urandom(scanned // (2 * SEARCHES) * size)
            plain = measured(lambda _: [sha256(block[at : at + size]) for at in range(0, len(block), size)], 20)
        assert hits >= 2 * SEARCHES * RECORDS // (8 * PERSONS), hits
    hashed = plain[10] * 1e3
    at = int(SEARCHES * 0.99)
    made = [
        Figure("index made (read, chain, decode, write)", rows / took, "rows/s", floor=60_000, raw=raw),
        Figure("the same, by seconds of processor", rows / used, "rows/s", raw=raw),
        Figure("index made", RECORDS / took, "records/s", floor=5_000),
    ]
    return Report(
        "audit-search",
        {
            "records": RECORDS,
            "bytes_a_record": size,
            "hits_a_search": round(hits / SEARCHES / 2, 1),
            "records_read_a_search": scanned // SEARCHES // 2,
            "index_rows": rows,
            "index_bytes": bytes_on_disk,
        },
        [
            Figure("search, one person, p99", seconds[at] * 1e3, "ms", floor=100, better="lower", raw=hashed),
            Figure("the same, milliseconds of processor", processor[at] * 1e3, "ms", better="lower", raw=hashed),
            Figure("search, one person, p50", seconds[SEARCHES // 2] * 1e3, "ms", better="lower", raw=hashed),
            *(made if rows else ()),  # an index that was kept is only asked
            Figure("opened under the signed head, p50", opened[2] * 1e3, "ms", better="lower"),
        ],
    )
