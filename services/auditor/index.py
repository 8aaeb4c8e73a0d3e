"""The index of an audit log: one SQLite file, made anew from the log whenever it is lost, and never believed.

It keeps where each run of 256 records, and each block of 16 in it, begins, and their roots; and for each term where it
stands: common ones by runs, rare ones by blocks. Runs are compared with a signed head before they are used, blocks with
their run; a term that is missing is found by an exhaustive search only.
Terms stand in one table per 2^20 records, so that inserting costs the same however long the log is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from security.audit.record import BODY_AT, CHUNK, Entry, FormError, decode, decode_many
from security.audit.runs import BLOCK_RECORDS, RUN, Block, Place, Records, Run, RunTable
from security.audit.terms import Condition, Question, common_terms, rare_terms
from security.audit.tree import TILE
from services.auditor.errors import IndexLiesError, IndexUnusableError

VERSION = 3
SHARD = 12
"""log2 of the runs of one table of terms."""
BATCH = 256
"""Runs of one transaction: 65,536 records."""
_CACHE_KIB = 65_536

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL, file INTEGER NOT NULL,
    offset INTEGER NOT NULL, prev BLOB NOT NULL, tile BLOB NOT NULL, blocks BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS next (
    only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, file INTEGER NOT NULL, offset INTEGER NOT NULL,
    prev BLOB NOT NULL
) STRICT;
"""

_FORWARD = """
INSERT INTO next VALUES (1, ?, ?, ?, ?) ON CONFLICT (only) DO UPDATE SET
    seq = excluded.seq, file = excluded.file, offset = excluded.offset, prev = excluded.prev
    WHERE excluded.seq > next.seq
"""
"""Of two that follow the log at once the slower one does not set the other back."""


_BLOCK = Struct(">QQ32s32s")


class Span(NamedTuple):
    """Records that may answer: the number of the first, and how many; a run or a block."""

    seq: int
    records: int


class _Taken(NamedTuple):
    """A run that is to be written: its times, its blocks, and rows of (term, first record of its run or block)."""

    run: Run
    times: tuple[int, int]
    blocks: bytes
    rows: list[tuple[int, int]]


class AuditIndex:
    """The index in the file `path`; `rows` counts the rows that were written since it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = 0
        self._database = self._open()
        self._inode = path.stat().st_ino
        self._shards: set[int] = set()
        self._pending: list[_Taken] = []
        self._following: Place | None = None

    def _open(self) -> sqlite3.Connection:
        try:
            database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            if not _ours(database):
                database.close()
                remove(self._path)
                database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            database.execute("PRAGMA journal_mode=WAL")
            # What a crash loses is read from the log again.
            database.execute("PRAGMA synchronous=OFF")
            database.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            if database.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                # Only a new file is written to: whoever merely asks does not wait for the one that follows.
                database.executescript(_SCHEMA)
                database.execute(f"PRAGMA user_version={VERSION}")
        except (sqlite3.Error, OSError) as error:
            raise IndexUnusableError(file=self._path.name, reason=type(error).__name__) from None
        return database

    def table(self, directory: Path) -> RunTable:
        """Return the runs that the index knows, as a table over the log in `directory` that tells it of new ones.

        What the table takes up is in the index after `flush`. Both are read in one transaction: another process may
        write the index too.
        """
        with self._coded():
            self._database.execute("BEGIN")
            try:
                rows = self._database.execute("SELECT number, file, offset, prev, tile FROM runs ORDER BY number")
                runs = [
                    Run(Place(n << TILE, file, offset, bytes(prev)), bytes(tile))
                    for n, file, offset, prev, tile in rows
                ]
                row = self._database.execute("SELECT seq, file, offset, prev FROM next").fetchone()
            finally:
                self._database.execute("COMMIT")
        following = Place(row[0], row[1], row[2], bytes(row[3])) if row else None
        return RunTable(directory, runs, following, self._take)

    def flush(self) -> None:
        """Write what was taken up; IndexUnusableError where the file cannot be written."""
        with self._coded():
            self._write()

    def candidates(self, question: Question, runs: int) -> list[Span]:
        """Return the spans, in the first `runs` runs, that may answer the question, ascending."""
        with self._coded():
            low, high = self._between(question, runs)
            conditions = question.conditions
            if not conditions:
                return [Span(number << TILE, RUN) for number in range(low, high)]
            found: list[Span] = []
            for shard in range(low >> SHARD, (max(high, low + 1) - 1 >> SHARD) + 1):
                if self._has(shard):
                    found += self._in_shard(shard, conditions, low << TILE, high << TILE)
            return found

    def blocks(self, number: int) -> list[Block]:
        """Return the blocks of run `number`, as the index has them."""
        with self._coded():
            row = self._database.execute("SELECT blocks FROM runs WHERE number = ?", (number,)).fetchone()
        first, raw = number << TILE, bytes(row[0]) if row else b""
        if len(raw) != _BLOCK.size * (RUN // BLOCK_RECORDS):
            raise IndexLiesError(run=number)
        return [
            Block(Place(first + n * BLOCK_RECORDS, file, offset, prev), root)
            for n, (file, offset, prev, root) in enumerate(_BLOCK.iter_unpack(raw))
        ]

    def names(self, number: int, wanted: Iterable[tuple[int, int]]) -> bool:
        """Tell whether the index has every (term, place) of run `number`."""
        shard = number >> SHARD
        with self._coded():
            if not self._has(shard):
                return False
            look = f"SELECT 1 FROM terms_{shard} WHERE term = ? AND at = ?"  # noqa: S608 - a number
            return all(self._database.execute(look, row).fetchone() for row in wanted)

    def count(self) -> int:
        """Return how many rows of terms the index has."""
        with self._coded():
            names = self._database.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'terms_%'").fetchall()
            counts = (self._database.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in names)  # noqa: S608 - our own names
            return sum(int(row[0]) for row in counts)

    def clear(self) -> None:
        """Forget everything, to be made anew from the log."""
        self._database.close()
        remove(self._path)
        self._shards.clear()
        self._pending.clear()
        self._database = self._open()
        self._inode = self._path.stat().st_ino

    @property
    def gone(self) -> bool:
        """Whether the file was removed, or another stands in its place."""
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

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

    def _in_shard(self, shard: int, conditions: Sequence[Condition], low: int, high: int) -> list[Span]:
        """Intersect the conditions: blocks of the rare ones, in runs of the common ones."""
        blocks: set[int] | None = None
        runs: set[int] | None = None
        for condition in sorted(conditions, reverse=True):
            marks = ",".join("?" * len(condition.terms))
            rows = self._database.execute(
                f"SELECT at FROM terms_{shard} WHERE term IN ({marks}) AND at >= ? AND at < ?",  # noqa: S608 - numbers
                (*condition.terms, low, high),
            )
            places = {int(row[0]) for row in rows}
            if not places:
                return []
            if condition.rare:
                blocks = places if blocks is None else blocks & places
            else:
                runs = places if runs is None else runs & places
        if blocks is None:
            return [Span(run, RUN) for run in sorted(runs or ())]
        return [Span(at, BLOCK_RECORDS) for at in sorted(blocks) if runs is None or at & -RUN in runs]

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

    def _take(self, following: Place, run: Run, blocks: Sequence[Block], parts: Sequence[Records]) -> None:
        """Take up one run; `following` is where the next one begins."""
        rows: list[tuple[int, int]] = []
        everything: list[Entry] = []
        for part in parts:
            decoded = decoded_all(part.entries)
            everything += decoded
            at = part.place.seq
            rows += [(term, at) for term in rare_terms(decoded)]
        start = run.place.seq
        rows += [(term, start) for term in common_terms(everything)]
        times = (everything[0].ts, everything[-1].ts) if everything else (0, 0)
        packed = b"".join(_BLOCK.pack(b.place.file, b.place.offset, b.place.prev, b.root) for b in blocks)
        self._following = following
        self._pending.append(_Taken(run, times, packed, rows))
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
            database.execute(_FORWARD, row)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._pending.clear()

    def _insert(self, pending: Iterable[_Taken]) -> None:
        database = self._database
        by_shard: dict[int, list[tuple[int, int]]] = {}
        for run, times, blocks, terms in pending:
            place, number = run.place, run.number
            row = (number, *times, place.file, place.offset, place.prev, run.tile, blocks)
            database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            by_shard.setdefault(number >> SHARD, []).extend(terms)
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
                "(term INTEGER, at INTEGER, PRIMARY KEY (term, at)) STRICT, WITHOUT ROWID"
            )
            self._shards.add(shard)

    def _has(self, shard: int) -> bool:
        if shard in self._shards:
            return True
        row = self._database.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (f"terms_{shard}",)).fetchone()
        if row:
            self._shards.add(shard)
        return row is not None


def remove(path: Path) -> None:
    """Remove the index at `path`, if there is one, with SQLite's files beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def covered(path: Path) -> int:
    """Return how many records the index in `path` covers; 0 where there is none that can be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            row = database.execute("SELECT seq FROM next").fetchone()
    except sqlite3.Error:
        return 0
    return int(row[0]) if row else 0


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
