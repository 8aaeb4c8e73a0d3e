"""Waiting at the start of a worker for what is not there yet: a Kafka that does not answer, a node that never ran.

Nothing is open while it waits, and everything is looked up anew each time: the certificate's file too, so that one that
was put right is used without a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from schemas.errors import UnavailableError
from security.logging import get_logger
from services.worker.assembly import NoControlError
from streams.bus.port import BusUnavailableError

Opened = TypeVar("Opened")

AGAIN_SECONDS = 5.0
LOOK_SECONDS = 0.1
WAITED_FOR = (BusUnavailableError, NoControlError)
"""What can come by itself. A missing topic, a wrong number of partitions, a log that differs: somebody has to act."""


@dataclass(frozen=True)
class Patience:
    """How a worker waits: `tell` is given each new reason once, `stopping` ends the waiting."""

    tell: Callable[[UnavailableError], None]
    stopping: Callable[[], bool] = lambda: False

    def until_open(self, open_: Callable[[], Opened]) -> Opened | None:
        """Open until it can be opened; None where the worker is told to stop before.

        Raises:
            CasebusError: what `open_` raises and waiting does not mend.
        """
        told, attempt, log = "", 0, get_logger("worker")
        while not self.stopping():
            try:
                opened = open_()
            except WAITED_FOR as error:
                attempt += 1
                log.warning("worker.waiting", code=error.code, attempt=attempt)
                if error.message("en") != told:
                    told = error.message("en")
                    self.tell(error)
                self._rest()
            else:
                if attempt:
                    log.info("worker.found", attempt=attempt)
                return opened
        return None

    def _rest(self) -> None:
        until = time.monotonic() + AGAIN_SECONDS
        while not self.stopping() and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
