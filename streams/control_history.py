"""Every state that control ever had, for whoever must decide again as it was decided at an epoch.

The control topic is not compacted and its epochs are dense, so the snapshot after any epoch can be made anew.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable
from typing import ClassVar

from schemas.errors import UnavailableError
from security import control
from security.control import ControlRecord, Snapshot
from streams.bus.port import Reader
from streams.control import PAGE, PARTITION, TOPIC

MODEL = "model"


class ControlBehindError(UnavailableError):
    """An epoch was told that the control records do not reach."""

    code: ClassVar[str] = "control.behind"


class ControlHistory:
    """Follows control; verifies each record once. Safe for many threads.

    `seen` is told each new newest epoch before it is worked by: it keeps the floor, and refuses a lower one.
    """

    def __init__(self, reader: Reader, public_key: bytes, seen: Callable[[int], None] = lambda _: None) -> None:
        self._reader = reader
        self._public_key = public_key
        self._seen = seen
        self._records: list[ControlRecord] = []
        self._models: list[int] = []
        self._newest = Snapshot()
        self._next = 0
        self._lock = threading.Lock()

    def newest(self) -> int:
        """Read on; return the newest epoch. Raises the coded error of a record that does not fit."""
        with self._lock:
            self._follow()
            return self._newest.epoch

    def fold(self, epoch: int) -> int:
        """Return the newest epoch at or below `epoch` that changed a model, 0 where none did."""
        with self._lock:
            self._require(epoch)
            place = bisect_right(self._models, epoch)
            return self._models[place - 1] if place else 0

    def at(self, epoch: int) -> Snapshot:
        """Return the snapshot after an epoch.

        Raises:
            ControlBehindError: the records do not reach it.
        """
        with self._lock:
            self._require(epoch)
            if epoch == self._newest.epoch:
                return self._newest
            return Snapshot().apply_all(self._records[:epoch], self._public_key)

    def _require(self, epoch: int) -> None:
        if epoch > self._newest.epoch:
            self._follow()
        if epoch > self._newest.epoch:
            raise ControlBehindError(epoch=epoch, highest=self._newest.epoch)

    def _follow(self) -> None:
        while stored := self._reader.read(TOPIC, PARTITION, self._next, PAGE):
            records = [control.decode(each.value) for each in stored]
            self._newest = self._newest.apply_all(records, self._public_key)
            fresh = [record for record in records if record.epoch > len(self._records)]
            self._records += fresh
            self._models += [record.epoch for record in fresh if record.kind == MODEL]
            self._next = stored[-1].offset + 1
        self._seen(self._newest.epoch)
