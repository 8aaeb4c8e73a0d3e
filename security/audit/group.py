"""Group commit: many threads hand in entries, one thread writes them together.

A group is what has queued up while the last one became durable, at most 1,024 entries; while more keep coming it waits
for them, 2 ms at most. An idle log therefore answers after one fdatasync, a busy one shares it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from schemas.errors import CasebusError
from security.audit.errors import AuditClosedError, EntryRefusedError
from security.audit.record import Entry, refusal

MAX_GROUP = 1_024
MAX_WAIT = 0.002

Append = Callable[[Sequence[Entry]], int]
"""Writes entries durably and returns the number of the first."""

_Job = tuple[Entry, "Future[int]"]


class GroupCommit:
    """The queue and its one writer thread, started with the first entry."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._queue: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, entry: Entry) -> Future[int]:
        """Queue an entry; the future has its number once it is durable, or the error that refused it."""
        future: Future[int] = Future()
        with self._wake:
            if self._closing:
                raise AuditClosedError
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)
                self._thread.start()
            self._queue.append((entry, future))
            self._wake.notify()
        return future

    def close(self) -> None:
        """Write what is queued, then end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while jobs := self._next_group():
            self._write(jobs)

    def _next_group(self) -> list[_Job]:
        """Wait for entries and return a group; an empty one when closing and nothing is left."""
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            deadline = time.monotonic() + MAX_WAIT
            seen = -1
            # Wait only while more keep coming: an idle queue is written at once.
            while not self._closing and seen < len(self._queue) < MAX_GROUP and time.monotonic() < deadline:
                seen = len(self._queue)
                self._wake.wait(timeout=MAX_WAIT / 20)
            return [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]

    def _write(self, jobs: list[_Job]) -> None:
        live = [job for job in jobs if job[1].set_running_or_notify_cancel()]
        try:
            first = self._append([entry for entry, _ in live])
        except EntryRefusedError:
            self._write_apart(live)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the callers wait for it
            for _, future in live:
                future.set_exception(error)
        else:
            for number, (_, future) in enumerate(live, first):
                future.set_result(number)

    def _write_apart(self, jobs: list[_Job]) -> None:
        """One entry of the group cannot be written: refuse it alone and write the others."""
        good: list[_Job] = []
        for entry, future in jobs:
            fault: CasebusError | None = refusal(entry)
            if fault:
                future.set_exception(fault)
            else:
                good.append((entry, future))
        try:
            first = self._append([entry for entry, _ in good])
        except BaseException as error:  # noqa: BLE001 - as above
            for _, future in good:
                future.set_exception(error)
        else:
            for number, (_, future) in enumerate(good, first):
                future.set_result(number)
