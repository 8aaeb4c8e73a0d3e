"""The machine's own figure for a bus and a log: the same bytes as plain SQLite rows and a plain file, nothing else."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.bus.embedded import EmbeddedBus

PAGE = 1024


@dataclass(frozen=True)
class Written:
    """What a run left on disk: the length of every record of its bus, and of its audit log."""

    records: Sequence[int]
    audit: int

    @property
    def bytes(self) -> int:
        """All bytes together."""
        return sum(self.records) + self.audit


def written_by(data: Path) -> Written:
    """Measure a stopped node's directory."""
    bus = EmbeddedBus(data / "bus.db", read_only=True)
    lengths: list[int] = []
    for topic in bus.topics(""):
        position = 0
        while stored := bus.read(topic, 0, position, PAGE):
            lengths += [len(record.key) + len(record.value) for record in stored]
            position = stored[-1].offset + 1
    bus.close()
    audit = sum(len(path.read_bytes().rstrip(b"\0")) for path in (data / "audit" / "segments").iterdir())
    return Written(lengths, audit)


def raw_seconds(written: Written, commits: int) -> float:
    """Write as many bytes in as many rows by `commits` transactions, each with an fdatasync of its share of a file."""
    share = -(-len(written.records) // commits)
    payload = os.urandom(max(written.records))
    log = os.urandom(-(-written.audit // commits))
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
            "CREATE TABLE record (id INTEGER PRIMARY KEY, value BLOB NOT NULL);"
        )
        file = os.open(Path(folder) / "raw.log", os.O_WRONLY | os.O_CREAT, 0o600)
        began = time.perf_counter()
        for start in range(0, len(written.records), share):
            os.write(file, log)
            os.fdatasync(file)
            database.execute("BEGIN IMMEDIATE")
            rows = ((payload[:length],) for length in written.records[start : start + share])
            database.executemany("INSERT INTO record (value) VALUES (?)", rows)
            database.execute("COMMIT")
        seconds = time.perf_counter() - began
        os.close(file)
        database.close()
    return seconds
