"""The index of an audit log: one SQLite file, made anew from the log whenever it is lost, and never believed.

It keeps, for each run of 256 records, where the run begins and its hash, and for each term the runs that hold it. Runs
are compared with a signed head before they are used; a term that is missing is found by an exhaustive search only.
Terms stand in one table per 2^20 records, so that inserting costs the same however long the log is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from security.audit.record import BODY_AT, CHUNK, Entry, FormError, decode, decode_many
from security.audit.runs import Place, Records, Run, RunTable
from security.audit.terms import Question, terms_of
from security.audit.tree import TILE
from services.auditor.errors import IndexUnusableError

VERSION = 1
SHARD = 12
"""log2 of the runs of one table of terms."""
BATCH = 256
"""Runs of one transaction: 65,536 records."""
_CACHE_KIB = 65_536

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL, file INTEGER NOT NULL,
    offset INTEGER NOT NULL, prev BLOB NOT NULL, tile BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS next (
    only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, file INTEGER NOT NULL, offset INTEGER NOT NULL,
    prev BLOB NOT NULL
) STRICT;
"""


class AuditIndex:
    """The index in the file `path`; `rows` counts the rows that were written since it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = 0
        self._database = self._open()
        self._shards: set[int] = set()
        self._pending: list[tuple[Run, int, int, set[int]]] = []
        self._following: Place | None = None

    def _open(self) -> sqlite3.Connection:
        try:
            database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            if not _ours(database):
                database.close()
                self._remove()
                database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            database.execute("PRAGMA journal_mode=WAL")
            # What a crash loses is read from the log again.
            database.execute("PRAGMA synchronous=OFF")
            database.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            database.executescript(_SCHEMA)
            database.execute(f"PRAGMA user_version={VERSION}")
        except (sqlite3.Error, OSError) as error:
            raise IndexUnusableError(file=self._path.name, reason=type(error).__name__) from None
        return database

    def table(self, directory: Path) -> RunTable:
        """Return the runs that the index knows, as a table over the log in `directory` that tells it of new ones.

        What the table takes up is in the index after `flush`.
        """
        with self._coded():
            rows = self._database.execute("SELECT number, file, offset, prev, tile FROM runs ORDER BY number")
            runs = [
                Run(Place(n << TILE, file, offset, bytes(prev)), bytes(tile)) for n, file, offset, prev, tile in rows
            ]
            row = self._database.execute("SELECT seq, file, offset, prev FROM next").fetchone()
        following = Place(row[0], row[1], row[2], bytes(row[3])) if row else None
        return RunTable(directory, runs, following, self._take)

    def flush(self) -> None:
        """Write what was taken up; IndexUnusableError where the file cannot be written."""
        with self._coded():
            self._write()

    def candidates(self, question: Question, runs: int) -> list[int]:
        """Return the numbers of the runs, below `runs`, that may answer the question, ascending."""
        with self._coded():
            low, high = self._between(question, runs)
            conditions = question.conditions
            if not conditions:
                return list(range(low, high))
            found: list[int] = []
            for shard in range(low >> SHARD, (max(high, low + 1) - 1 >> SHARD) + 1):
                if self._has(shard):
                    found += self._in_shard(shard, conditions, low, high)
            return found

    def clear(self) -> None:
        """Forget everything, to be made anew from the log."""
        self._database.close()
        self._remove()
        self._shards.clear()
        self._pending.clear()
        self._database = self._open()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _coded(self) -> Iterator[None]:
        """Turn a failure of the file into a coded error."""
        try:
            yield
        except sqlite3.Error as error:
            raise IndexUnusableError(file=self._path.name, reason=type(error).__name__) from None

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _in_shard(self, shard: int, conditions: Sequence[tuple[int, ...]], low: int, high: int) -> list[int]:
        """Intersect the conditions; the one with fewest runs so far leads."""
        result: set[int] | None = None
        for terms in conditions:
            marks = ",".join("?" * len(terms))
            rows = self._database.execute(
                f"SELECT run FROM terms_{shard} WHERE term IN ({marks}) AND run >= ? AND run < ?",  # noqa: S608 - numbers
                (*terms, low, high),
            )
            runs = {int(row[0]) for row in rows}
            result = runs if result is None else result & runs
            if not result:
                return []
        return sorted(result or ())

    def _between(self, question: Question, runs: int) -> tuple[int, int]:
        """Return the range of runs within the question's times; times never go back in a log."""
        low, high = 0, runs
        if question.since is not None:
            row = self._database.execute(
                "SELECT min(number) FROM runs WHERE last_ts >= ?", (question.since,)
            ).fetchone()
            low = runs if row[0] is None else int(row[0])
        if question.until is not None:
            row = self._database.execute(
                "SELECT max(number) FROM runs WHERE first_ts <= ?", (question.until,)
            ).fetchone()
            high = 0 if row[0] is None else min(runs, int(row[0]) + 1)
        return low, max(low, high)

    def _take(self, following: Place, run: Run, records: Records) -> None:
        """Take up one run; `following` is where the next one begins."""
        decoded = decoded_all(records.entries)
        times = [record.ts for record in decoded] or [0]
        self._following = following
        self._pending.append((run, times[0], times[-1], terms_of(decoded)))
        if len(self._pending) >= BATCH:
            self.flush()

    def _write(self) -> None:
        """Write what is pending, and where the next run begins, in one transaction."""
        following, database = self._following, self._database
        if following is None or not self._pending:
            return
        database.execute("BEGIN IMMEDIATE")
        try:
            self._insert(self._pending)
            row = (following.seq, following.file, following.offset, following.prev)
            database.execute("INSERT OR REPLACE INTO next VALUES (1, ?, ?, ?, ?)", row)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._pending.clear()

    def _insert(self, pending: Iterable[tuple[Run, int, int, set[int]]]) -> None:
        database = self._database
        by_shard: dict[int, list[tuple[int, int]]] = {}
        for run, first_ts, last_ts, terms in pending:
            place, number = run.place, run.number
            row = (number, first_ts, last_ts, place.file, place.offset, place.prev, run.tile)
            database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            by_shard.setdefault(number >> SHARD, []).extend((term, number) for term in terms)
        for shard, rows in by_shard.items():
            self._make(shard)
            # In order, neighbouring pages are written together.
            rows.sort()
            database.executemany(f"INSERT OR IGNORE INTO terms_{shard} VALUES (?, ?)", rows)  # noqa: S608 - a number
            self.rows += len(rows)

    def _make(self, shard: int) -> None:
        if shard not in self._shards:
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS terms_{shard} "
                "(term INTEGER, run INTEGER, PRIMARY KEY (term, run)) STRICT, WITHOUT ROWID"
            )
            self._shards.add(shard)

    def _has(self, shard: int) -> bool:
        if shard in self._shards:
            return True
        row = self._database.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (f"terms_{shard}",)).fetchone()
        if row:
            self._shards.add(shard)
        return row is not None


def _ours(database: sqlite3.Connection) -> bool:
    """Tell whether an opened file is an index of this version, or empty."""
    try:
        return database.execute("PRAGMA user_version").fetchone()[0] in {0, VERSION}
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False


def decoded_all(entries: Sequence[bytes]) -> list[Entry]:
    """Decode entries; those of a version that this program does not know are left out (`audit verify` names them)."""
    decoded: list[Entry] = []
    for at in range(0, len(entries), CHUNK):
        bodies = [entry[BODY_AT:] for entry in entries[at : at + CHUNK]]
        decoded += decode_many(bodies) or [record for body in bodies if (record := _decoded(body))]
    return decoded


def _decoded(body: bytes) -> Entry | None:
    try:
        return decode(body)
    except FormError:
        return None
