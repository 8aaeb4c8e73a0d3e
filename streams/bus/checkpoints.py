"""Checkpoints of a SQLite file in WAL mode, off the path of its commits.

SQLite itself carries the log back into the file within the commit that makes it long: that one waits for two more
syncs and the writing of up to a thousand pages, ten times the time of any other. Here a thread with a connection of its
own does it, while commits go on behind its back. Where it falls behind, SQLite's own way remains, at `LIMIT` pages.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LARGE = 4 << 20
"""Bytes of a log worth a checkpoint."""
LIMIT = 16_384
"""Pages of 4 KiB at which the commit that passes them does the rest of the work itself."""
PAUSE_SECONDS = 0.5
"""Between two checkpoints: the log's file keeps its length, so that a long one says nothing."""


class Checkpoints:
    """Carries the log of the file at `path` back into it; `connect` opens a connection for the thread."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._log, self._connect = path.with_name(path.name + "-wal"), connect
        self._due, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Look whether there is enough to do; after a commit, by the one writer."""
        if self._due.is_set() or self._size() < LARGE:
            return
        self._due.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._due.set()
        if self._thread is not None:
            self._thread.join()

    def _size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:  # what was committed stays committed
            return 0

    def _run(self) -> None:
        connection = self._connect()
        # The stop is looked at before waiting: `close` sets both, and what is due may have been cleared in between.
        while not self._stop.is_set():
            self._due.wait()
            # A busy file or a full disk is the next commit's to report: nothing is lost by leaving the log as it is.
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._stop.wait(PAUSE_SECONDS)
            self._due.clear()
        connection.close()
