"""The audit log's pulse: a signed head each second that brought records, a tick when nothing happens, clock jumps.

Without it an idle node's log would look the same as one that was cut off, and records would wait for the next thousands
to be signed. A wall clock that moved otherwise than the machine's steady one is written down: deadlines hang on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from schemas.clock import SECOND, Clock
from schemas.errors import CasebusError, UnavailableError
from security.audit.checkpoint import Checkpoint
from security.audit.errors import AuditClosedError, AuditPoisonedError
from security.audit.record import Entry

PERIOD_SECONDS = 1.0
TICK_SECONDS = 60
"""An idle log gets a record so often."""
JUMP = 2 * SECOND
"""By how much the wall clock may differ from the steady one between two looks; an adjusted clock drifts far less."""


class Log(Protocol):
    """The audit log, as far as its pulse needs it."""

    @property
    def size(self) -> int:
        """Number of durable records."""
        ...

    @property
    def head(self) -> Checkpoint:
        """The newest signed head."""
        ...

    def append(self, entries: Sequence[Entry]) -> Any:
        """Make entries durable."""
        ...

    def checkpoint(self) -> str:
        """Sign a head over everything durable."""
        ...


class HeadKeeper:
    """Looks once a second; `steady` gives seconds that only go forward, `wall` is the machine's clock."""

    def __init__(self, log: Log, node: str, wall: Clock, steady: Callable[[], float] = time.monotonic) -> None:
        self._log, self._node, self._wall, self._steady = log, node, wall, steady
        self._seen = (wall.now_us(), steady())
        self._busy = (log.size, steady())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-pulse", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Write down a clock that jumped or an idle minute, and have signed what is new.

        Raises:
            UnavailableError: the log can be written no more; `AuditWatch` ends the node.
        """
        now, steady = self._wall.now_us(), self._steady()
        jump = now - self._seen[0] - round((steady - self._seen[1]) * SECOND)
        self._seen = (now, steady)
        if abs(jump) > JUMP:
            data = {"by": jump, "to": now}
            self._log.append([Entry(act="clock", obj=self._node, data=data)])
        if self._log.size != self._busy[0]:
            self._busy = (self._log.size, steady)
        elif steady - self._busy[1] >= TICK_SECONDS:
            self._log.append([Entry(act="tick", obj=self._node)])
            self._busy = (self._log.size, steady)
        if self._log.size > self._log.head.size:
            self._log.checkpoint()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_SECONDS):
            try:
                self.look()
            except (AuditPoisonedError, AuditClosedError):
                return
            except UnavailableError:
                continue  # the replica cannot be had now; it is told by whoever waits for a record
            except CasebusError:
                return
