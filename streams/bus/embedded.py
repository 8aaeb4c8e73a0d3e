"""The embedded bus: one SQLite file in WAL mode, one writer, nothing to install.

`synchronous=FULL`: when a transaction returns, an fsync has returned. Readers have a connection per thread and never
wait for the writer. The rowid of a record is its topic-partition number in the upper bits and its offset in the lower
40, so a partition is one range of the table and an offset costs no index of its own.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from streams.bus.checkpoints import LIMIT, Checkpoints
from streams.bus.embedded_transaction import SHIFT, EmbeddedTransaction, many
from streams.bus.port import BusFullError, BusUnavailableError, Record, Stored

BELOW = (1 << SHIFT) - 1
TUNING = (
    f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint={LIMIT};"
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS partition (number INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    UNIQUE (topic, partition));
CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL, headers BLOB);
CREATE TABLE IF NOT EXISTS entry (store TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (store, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    position INTEGER NOT NULL, PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
"""
BUSY_SECONDS = 30

_decode_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode


class EmbeddedBus:
    """A bus in one file. Safe for many threads of one process; a second process is kept out by the node's lock."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file; `read_only` leaves it to its writer and only looks."""
        self._path = path
        self._read_only = read_only
        self._writer_lock = threading.RLock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        with translated(path):
            self._writer = self._connect()
            if not read_only:
                self._writer.executescript(TUNING)
                self._writer.executescript(SCHEMA)
        self._checkpoints = Checkpoints(path, self._connect)
        self._numbers: dict[tuple[str, int], int] = {}
        self._ends: dict[int, int] = {}
        for number, topic, partition in self._writer.execute("SELECT number, topic, partition FROM partition"):
            self._numbers[topic, partition] = number
            self._ends[number] = self._stored_end(number)

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append durably; return the offset of the last record."""
        with self.transaction() as transaction:
            return transaction.append(topic, partition, records)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Stored]:
        """Return up to `limit` records from `offset` on."""
        number = self._numbers.get((topic, partition))
        if number is None or offset >= self._ends[number]:
            return []
        first = number << SHIFT
        with translated(self._path):
            rows = self._reader().execute(
                "SELECT id, key, value, headers FROM record WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?",
                (first | offset, first | BELOW, limit),
            )
            return [Stored(i & BELOW, k, v, _decode_headers(h) if h else ()) for i, k, v, h in rows]

    def end(self, topic: str, partition: int) -> int:
        """Return the offset the next record will get."""
        number = self._numbers.get((topic, partition))
        return 0 if number is None else self._ends[number]

    def topics(self, prefix: str) -> list[str]:
        """Name the topics that begin with `prefix`."""
        return sorted({topic for topic, _ in list(self._numbers) if topic.startswith(prefix)})

    def partitions(self, topic: str) -> int:
        """Return one: with one writer there is nothing to spread."""
        del topic
        return 1

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a durable value of a store."""
        with translated(self._path):
            row = self._reader().execute("SELECT value FROM entry WHERE store=? AND key=?", (store, key)).fetchone()
        return None if row is None else row[0]

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the durable values of those keys of a store that have one: one query for many keys."""
        with translated(self._path):
            return many(self._reader(), store, keys)

    def entries(self, store: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield all durable entries of a store in key order."""
        with translated(self._path):
            yield from self._reader().execute("SELECT key, value FROM entry WHERE store=? ORDER BY key", (store,))

    def position(self, group: str, topic: str, partition: int) -> int:
        """Return the offset of the first record that the group has not processed."""
        with translated(self._path):
            row = (
                self._reader()
                .execute(
                    "SELECT position FROM position WHERE grp=? AND topic=? AND partition=?", (group, topic, partition)
                )
                .fetchone()
            )
        return 0 if row is None else int(row[0])

    @contextmanager
    def transaction(self, *, owned: bool = False) -> Iterator[EmbeddedTransaction]:
        """Open a write transaction; other writers wait for its end, or, where it is `owned`, while it is written."""
        with ExitStack() as held, translated(self._path):
            if not owned:
                held.enter_context(self._writer_lock)
            change = EmbeddedTransaction(self._reader() if owned else self._writer, self._numbers, self._ends)
            yield change
            held.enter_context(self._writer_lock)
            self._commit(change)

    def _commit(self, change: EmbeddedTransaction) -> None:
        """Write a transaction; under the lock."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            change.flush(self._writer)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        # Readers see a new end only after the commit that made it durable.
        self._ends.update(change.ends)
        self._numbers.update(change.new_numbers)
        self._checkpoints.committed()

    def close(self) -> None:
        """Checkpoint the WAL and close every connection."""
        self._checkpoints.close()
        with self._writer_lock:
            if not self._read_only:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for connection in [*self._readers, self._writer]:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={'ro' if self._read_only else 'rwc'}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        return connection

    def _reader(self) -> sqlite3.Connection:
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._connect()
            reader.execute("PRAGMA query_only=1")
            self._local.reader = reader
            self._readers.append(reader)
        return reader

    def _stored_end(self, number: int) -> int:
        first = number << SHIFT
        row = self._writer.execute("SELECT MAX(id) FROM record WHERE id >= ? AND id <= ?", (first, first | BELOW))
        highest = row.fetchone()[0]
        return 0 if highest is None else (int(highest) & BELOW) + 1


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's failures into coded errors with a next step."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise BusFullError(file=path.name) from error
        raise BusUnavailableError(
            file=path.name, reason=getattr(error, "sqlite_errorname", type(error).__name__)
        ) from error
