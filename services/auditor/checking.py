"""A verification of the whole log in the background, one at a time, with how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.errors import CasebusError
from security.audit.checkpoint import VerifierKey
from security.audit.report import VerifyReport
from security.audit.verify import verify


class Checking:
    """Runs `verify` in a thread of its own; the log may be written meanwhile.

    `key` answers the key that must have signed, where the log's own file of it is not to be gone by.
    """

    def __init__(self, directory: Path, key: Callable[[], VerifierKey] | None = None) -> None:
        self._directory, self._key = directory, key
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._level = 0
        self._done = self._of = 0
        self._failed = ""
        self._report: VerifyReport | None = None
        self.faults = 0
        """Faults that the last verification found."""
        self.ended = 0.0
        """When the last verification ended, POSIX seconds; 0 where none did."""

    def begin(self, level: int) -> bool:
        """Begin a verification; False where one is running already."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._level, self._done, self._of, self._failed, self._report = level, 0, 0, "", None
            self._thread = threading.Thread(target=self._run, name="audit-verify", daemon=True)
            self._thread.start()
            return True

    def join(self, seconds: float) -> None:
        """Wait until the running verification ends, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def status(self) -> dict[str, Any]:
        """Return the state (`never`, `running`, `done`, `failed`), records done and to do, and the report."""
        report = self._report
        gone = sum(each.records for each in report.retired) if report else 0
        state = "done" if report else "failed" if self._failed else "running" if self._level else "never"
        return {
            "state": state,
            "level": self._level,
            "done": report.records + gone if report else self._done,
            "of": report.size if report else self._of,
            "error": self._failed,
            "report": {language: report.as_dict(language) for language in ("zh", "en")} if report else None,
        }

    def _run(self) -> None:
        try:
            key = self._key() if self._key else None
            report = verify(self._directory, self._level, key, progress=self._advance)
        except (CasebusError, OSError) as error:
            self._failed = error.code if isinstance(error, CasebusError) else type(error).__name__
            return
        self.faults, self.ended = len(report.faults), time.time()
        self._report = report

    def _advance(self, done: int, of: int) -> None:
        self._done, self._of = done, of
