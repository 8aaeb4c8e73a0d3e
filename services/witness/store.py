"""What a witness remembers, in one SQLite file: the newest head of each log, every head before it, what it refused.

Each step is one transaction that begins with the write lock (`BEGIN IMMEDIATE`) and is on disk when it ends
(`synchronous=FULL`). A mark outside the database counts the steps, so that one put back from a backup is noticed.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from security.audit.checkpoint import Checkpoint
from security.audit.files import write_durably
from security.audit.witnessing import Known
from services.witness.errors import WitnessSetBackError, WitnessStoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS newest (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL, cosigned TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS heads (
    origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (origin, size)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    id INTEGER PRIMARY KEY, origin TEXT NOT NULL, status INTEGER NOT NULL, note TEXT NOT NULL, evidence BLOB,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS steps (only INTEGER PRIMARY KEY CHECK (only = 1), count INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO steps VALUES (1, 0);
"""
KEPT_REFUSALS = 10_000
"""Refusals kept of all logs, so that nobody fills the disk by asking."""


class WitnessStore:
    """The database at `path`; `mark` is a file outside it, by default beside its folder."""

    def __init__(self, path: Path, mark: Path | None = None) -> None:
        self._mark = mark or path.parent.with_name(path.parent.name + "-mark")
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise WitnessStoreError(reason=type(error).__name__) from None

    @property
    def steps(self) -> int:
        """The number of heads cosigned, as the database says."""
        return int(self._database.execute("SELECT count FROM steps").fetchone()[0])

    @property
    def behind(self) -> bool:
        """Whether the mark has counted more steps than the database: it was put back from a backup."""
        try:
            return int(self._mark.read_text(encoding="ascii")) > self.steps
        except FileNotFoundError:
            return False
        except ValueError:
            return True

    @contextmanager
    def step(self) -> Iterator[Step]:
        """Hold the write lock while the block runs; what it kept is on disk when it ends.

        Raises:
            WitnessStoreError: the database cannot be written; nothing was kept.
        """
        with self._lock, self._alone():
            step = Step(self._database)
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield step
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                raise WitnessStoreError(reason=type(error).__name__) from None
            except BaseException:
                self._undo()
                raise
            if step.kept:
                self._count()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes out until the mark is written too: a mark of an older step must not replace it."""
        try:
            file = self._mark.with_name(self._mark.name + ".lock").open("ab")
        except OSError as error:
            raise WitnessStoreError(reason=type(error).__name__) from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def newest(self, origin: str) -> Known | None:
        """Return the newest head of a log."""
        with self._lock:
            return Step(self._database).newest(origin)

    def published(self) -> list[tuple[str, str]]:
        """Return (origin, cosigned note) of every log; the note is without our line where signing was cut short."""
        with self._lock:
            rows = self._database.execute(
                "SELECT origin, CASE cosigned WHEN '' THEN note ELSE cosigned END FROM newest"
            )
            return [(str(origin), str(note)) for origin, note in rows]

    def publish(self, origin: str, size: int, note: str) -> None:
        """Keep the note with our cosignature, for monitors, unless a newer head came meanwhile.

        Raises:
            WitnessStoreError: it cannot be kept; the head itself was, so it is cosigned when it is asked for again.
        """
        update = "UPDATE newest SET cosigned = ? WHERE origin = ? AND size = ?"
        with self._lock:
            try:
                self._database.execute(update, (note, origin, size))
            except sqlite3.Error as error:
                raise WitnessStoreError(reason=type(error).__name__) from None

    def evidence(self) -> list[bytes]:
        """Return the evidence of forks that was kept, oldest first."""
        with self._lock:
            rows = self._database.execute("SELECT evidence FROM refused WHERE evidence IS NOT NULL ORDER BY id")
            return [bytes(row[0]) for row in rows]

    def heads(self, origin: str) -> list[int]:
        """Return the sizes of all heads seen of a log."""
        with self._lock:
            rows = self._database.execute("SELECT size FROM heads WHERE origin = ? ORDER BY size", (origin,))
            return [int(row[0]) for row in rows]

    def accept_loss(self) -> None:
        """Set the mark to the database's own count: a person takes the loss of what was signed since."""
        with self._lock:
            self._count()

    def require_whole(self) -> None:
        """Refuse a database that was put back from a backup."""
        if self.behind:
            raise WitnessSetBackError(steps=self.steps)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _undo(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def _count(self) -> None:
        try:
            write_durably(self._mark, str(self.steps).encode())
        except OSError as error:
            raise WitnessStoreError(reason=type(error).__name__) from None


class Step:
    """One transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.kept = False

    def newest(self, origin: str) -> Known | None:
        """Return the newest head of a log."""
        row = self._database.execute("SELECT size, root, note FROM newest WHERE origin = ?", (origin,)).fetchone()
        return Known(Checkpoint(origin, int(row[0]), bytes(row[1])), str(row[2])) if row else None

    def keep(self, head: Checkpoint, note: str, at: int) -> None:
        """Make `head` the newest of its log."""
        row = (head.origin, head.size, head.root, note)
        self._database.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, '')", row)
        self._database.execute("INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?, ?)", (*row, at))
        self._database.execute("UPDATE steps SET count = count + 1")
        self.kept = True

    def refuse(self, origin: str, status: int, note: str, evidence: bytes | None, at: int) -> None:
        """Keep what was refused though the log signed it; evidence of a fork is never dropped."""
        row = (origin, status, note, evidence, at)
        self._database.execute("INSERT INTO refused (origin, status, note, evidence, at) VALUES (?, ?, ?, ?, ?)", row)
        self._database.execute(
            "DELETE FROM refused WHERE evidence IS NULL AND id <= (SELECT max(id) FROM refused) - ?", (KEPT_REFUSALS,)
        )
