"""The embedded bus: one SQLite file in WAL mode, one writer, nothing to install.

`synchronous=FULL`: when a transaction returns, an fsync has returned. Readers have a connection per thread and never
wait for the writer. The rowid of a record is its topic-partition number in the upper bits and its offset in the lower
40, so a partition is one range of the table and an offset costs no index of its own.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from streams.bus.port import BusFullError, BusUnavailableError, Record, Stored

SHIFT = 40
BELOW = (1 << SHIFT) - 1
TUNING = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
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
AT_ONCE = 256

_encode = msgspec.msgpack.Encoder().encode
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
                self._writer.executescript(
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
                )
                self._writer.executescript(SCHEMA)
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
        """Return the durable values of those keys of a store that have one: one query for up to `AT_ONCE` keys."""
        with translated(self._path):
            return _many(self._reader(), store, keys)

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
    def transaction(self) -> Iterator[EmbeddedTransaction]:
        """Open the one write transaction; other writers wait."""
        with self._writer_lock, translated(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            change = EmbeddedTransaction(self._writer, self._numbers, self._ends)
            try:
                yield change
                change.flush()
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            # Readers see a new end only after the commit that made it durable.
            self._numbers.update(change.new_numbers)
            self._ends.update(change.ends)

    def close(self) -> None:
        """Checkpoint the WAL and close every connection."""
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


class EmbeddedTransaction:
    """Changes of one SQLite transaction; appends and puts are written in bulk when it ends."""

    def __init__(
        self, connection: sqlite3.Connection, numbers: dict[tuple[str, int], int], ends: dict[int, int]
    ) -> None:
        self._connection = connection
        self._numbers = numbers
        self._known_ends = ends
        self._puts: dict[tuple[str, bytes], bytes | None] = {}
        self._rows: list[tuple[int, bytes, bytes, bytes | None]] = []
        self.new_numbers: dict[tuple[str, int], int] = {}
        self.ends: dict[int, int] = {}

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append records; return the offset of the last one."""
        number = self._number(topic, partition)
        end = self.ends.get(number, self._known_ends.get(number, 0))
        first = number << SHIFT
        self._rows.extend(
            (first | (end + i), r.key, r.value, _encode(r.headers) if r.headers else None)
            for i, r in enumerate(records)
        )
        self.ends[number] = end + len(records)
        return end + len(records) - 1

    def send(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Append records."""
        self.append(topic, partition, records)

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a value, changes of this transaction included."""
        if (store, key) in self._puts:
            return self._puts[store, key]
        row = self._connection.execute("SELECT value FROM entry WHERE store=? AND key=?", (store, key)).fetchone()
        return None if row is None else row[0]

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that have one, changes of this transaction included."""
        changed = {key: self._puts[store, key] for key in keys if (store, key) in self._puts}
        found = _many(self._connection, store, [key for key in keys if key not in changed])
        return found | {key: value for key, value in changed.items() if value is not None}

    def put(self, store: str, key: bytes, value: bytes | None) -> None:
        """Set a value; None removes it."""
        self._puts[store, key] = value

    def clear(self, store: str) -> None:
        """Remove every entry of a store."""
        self._puts = {name: value for name, value in self._puts.items() if name[0] != store}
        self._connection.execute("DELETE FROM entry WHERE store=?", (store,))

    def scan(self, store: str, first: bytes, last: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` entries with first ≤ key < last."""
        self._flush_puts()
        return self._connection.execute(
            "SELECT key, value FROM entry WHERE store=? AND key>=? AND key<? ORDER BY key LIMIT ?",
            (store, first, last, limit),
        ).fetchall()

    def advance(self, group: str, topic: str, partition: int, position: int) -> None:
        """Say that the group has processed everything below `position`."""
        self._connection.execute(
            "INSERT INTO position VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET position=excluded.position",
            (group, topic, partition, position),
        )

    def flush(self) -> None:
        """Write what was gathered."""
        self._flush_puts()
        self._connection.executemany("INSERT INTO record VALUES (?,?,?,?)", self._rows)

    def _flush_puts(self) -> None:
        gone = [(s, k) for (s, k), v in self._puts.items() if v is None]
        kept = [(s, k, v) for (s, k), v in self._puts.items() if v is not None]
        self._puts.clear()
        self._connection.executemany("DELETE FROM entry WHERE store=? AND key=?", gone)
        self._connection.executemany(
            "INSERT INTO entry VALUES (?,?,?) ON CONFLICT DO UPDATE SET value=excluded.value", kept
        )

    def _number(self, topic: str, partition: int) -> int:
        number = self._numbers.get((topic, partition), self.new_numbers.get((topic, partition)))
        if number is None:
            cursor = self._connection.execute(
                "INSERT INTO partition (topic, partition) VALUES (?,?)", (topic, partition)
            )
            number = int(cursor.lastrowid or 0)
            self.new_numbers[topic, partition] = number
        return number


def _many(connection: sqlite3.Connection, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the values of those keys that have one: one query for up to `AT_ONCE` keys."""
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        query = f"SELECT key, value FROM entry WHERE store=? AND key IN ({','.join('?' * len(some))})"  # noqa: S608 - placeholders only
        found.update(connection.execute(query, (store, *some)).fetchall())
    return found


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
