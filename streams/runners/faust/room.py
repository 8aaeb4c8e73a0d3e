"""How much memory the states of a worker's partitions may take, and the file for what has no room in it."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from schemas.errors import UnavailableError

CACHE_KIB = 2_048
"""For each partition: four times as much was no quicker with a million ids, for the kernel has the pages too."""
PRIVATE_FOLDER = 0o700
SETTINGS = (
    "journal_mode = OFF",
    "synchronous = OFF",
    "locking_mode = EXCLUSIVE",
    "mmap_size = 0",
    "temp_store = MEMORY",
    f"cache_size = -{CACHE_KIB}",
)
"""Nothing here outlives the process, so nothing is made to: no journal, no flush to the disk; memory is bounded."""


class SpillFailedError(UnavailableError):
    """States that have no room in memory cannot be written to their file, or not be read back."""

    code: ClassVar[str] = "worker.spill_failed"


class Room:
    """What the states of a worker's partitions may take together: `total` bytes of memory, in equal shares.

    `folder` is where the files of the rest are made, each when it is first needed.
    """

    __slots__ = ("_partitions", "folder", "total")

    def __init__(self, total: int, folder: Path) -> None:
        self.total = total
        self.folder = folder
        self._partitions = 0

    @property
    def share(self) -> int:
        """What one partition may take, bytes."""
        return self.total // max(1, self._partitions)

    def enter(self) -> None:
        """Give a partition a share; those of the others become smaller."""
        self._partitions += 1

    def leave(self) -> None:
        """Give a partition's share to the others."""
        self._partitions -= 1


class SpillFile:
    """The file of one partition: of this process alone (0600), without a name, gone with the process however it ends.

    Its tables are an extension of memory and never believed after a restart. Every failure is a `SpillFailedError`,
    after which memory and file may differ: the process has to end.
    """

    def __init__(self, folder: Path) -> None:
        with _told():
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix="states-", suffix=".spill", dir=folder)
            os.close(handle)
            try:
                self._file = sqlite3.connect(path, isolation_level=None)
                for setting in SETTINGS:
                    self._file.execute(f"PRAGMA {setting}")
                self._file.execute("PRAGMA user_version = 1")
            finally:
                Path(path).unlink()
        self.size = 0

    def make(self, table: str, columns: str) -> None:
        """Make a table, empty also where it was there before."""
        with _told():
            self._file.execute(f"DROP TABLE IF EXISTS {table}")
            self._file.execute(f"CREATE TABLE {table} {columns}")

    def change(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each of the rows; return how many rows of the table it changed."""
        with _told():
            self._file.execute("BEGIN")
            count = self._file.executemany(statement, rows).rowcount
            self._file.execute("COMMIT")
            pages, page = self._file.execute("SELECT * FROM pragma_page_count, pragma_page_size").fetchone()
            self.size = pages * page
        return count

    def find(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        with _told():
            return self._file.execute(query, values).fetchall()

    def walk(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query one by one."""
        with _told():
            yield from self._file.execute(query, values)

    def close(self) -> None:
        """Let go of it; nothing is left."""
        self._file.close()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SpillFailedError(reason=getattr(error, "sqlite_errorname", "sqlite_error").lower()) from error
    except OSError as error:
        raise SpillFailedError(reason=errno.errorcode.get(error.errno or 0, "os_error").lower()) from error
