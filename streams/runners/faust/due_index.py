"""The index of what is due: near entries in heaps, far ones in the partition's file, so that memory is bounded.

An entry says: look at the key of this address once this timeline has reached that time. Whether a key still waits for
it, the key's own state says; the index may hold entries that were replaced since, and holds each but once or twice.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left

from streams.runners.faust.state import PartitionState

ENTRY_BYTES = 160
"""What an entry takes in memory, about."""
SHARE = 8
"""The index may take an eighth of what the values may, beside them."""
FEWEST = 64
"""So many entries may be near in any case."""
WAITING = 1_024
"""Far entries that are written together."""
TABLE = "due"
COLUMNS = "(timeline TEXT, at INTEGER, address BLOB, PRIMARY KEY (timeline, at, address)) WITHOUT ROWID"

_INSERT = "INSERT OR IGNORE INTO due VALUES (?, ?, ?)"
_BOUND = "SELECT at FROM due WHERE timeline = ? AND at > ? ORDER BY at LIMIT 1 OFFSET ?"
_TAKE = "SELECT at, address FROM due WHERE timeline = ? AND at <= ?"
_REMOVE = "DELETE FROM due WHERE timeline = ? AND at <= ?"
LAST = (1 << 63) - 1
"""The last time there is."""


class DueIndex:
    """Entries by timeline, taken in the order of their times."""

    __slots__ = ("_far_from", "_made", "_near", "_near_count", "_state", "_waiting")

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._near: dict[str, list[tuple[int, bytes]]] = {}
        self._near_count = 0
        self._far_from: dict[str, int] = {}
        """Timeline → the time from which on its entries are far; absent where all are near."""
        self._waiting: list[tuple[str, int, bytes]] = []
        self._made = False

    @property
    def near(self) -> int:
        """How many entries stand in memory."""
        return self._near_count + len(self._waiting)

    def add(self, timeline: str, at: int, address: bytes) -> None:
        """Add an entry."""
        far = self._far_from.get(timeline)
        if far is not None and at >= far:
            self._waiting.append((timeline, at, address))
            if len(self._waiting) >= WAITING:
                self._write()
            return
        heapq.heappush(self._near.setdefault(timeline, []), (at, address))
        self._near_count += 1
        if self._state.room is not None and self._near_count > self._most():
            self._shed()

    def take(self, timeline: str, until: int) -> list[tuple[int, bytes]]:
        """Take out the entries of a timeline at or before `until`, in order."""
        far = self._far_from.get(timeline)
        if far is not None and until >= far:
            self._fetch(timeline, until)
        heap, taken = self._near.get(timeline, []), list[tuple[int, bytes]]()
        while heap and heap[0][0] <= until:
            taken.append(heapq.heappop(heap))
        self._near_count -= len(taken)
        if not heap:
            self._near.pop(timeline, None)
        return taken

    def _most(self) -> int:
        room = self._state.room
        assert room is not None
        return max(FEWEST, room.share // (SHARE * ENTRY_BYTES))

    def _shed(self) -> None:
        """Move the later half of the longest heaps to the file, until half of what is allowed is left."""
        goal = self._most() // 2
        while self._near_count > goal:
            timeline = max(self._near, key=lambda name: len(self._near[name]))
            heap = sorted(self._near.pop(timeline))
            first = heap[len(heap) // 2][0]
            cut = bisect_left(heap, (first,))
            self._waiting += [(timeline, at, address) for at, address in heap[cut:]]
            self._near_count -= len(heap) - cut
            self._far_from[timeline] = first
            if cut:
                self._near[timeline] = heap[:cut]
        self._write()

    def _write(self) -> None:
        file = self._state.file()
        assert file is not None
        if not self._made:
            file.make(TABLE, COLUMNS)
            self._made = True
        file.change(_INSERT, sorted(self._waiting))
        self._waiting.clear()

    def _fetch(self, timeline: str, until: int) -> None:
        """Bring near what is due, and some of what comes next, so that not every mark asks the file."""
        if self._waiting:
            self._write()
        file = self._state.file()
        assert file is not None
        some = max(FEWEST, self._most() // 2) // max(2, 2 * len(self._far_from))
        beyond = file.find(_BOUND, (timeline, until, some))
        last = beyond[0][0] - 1 if beyond else LAST
        found = file.find(_TAKE, (timeline, last))
        file.change(_REMOVE, [(timeline, last)])
        heap = self._near.setdefault(timeline, [])
        heap += found
        heapq.heapify(heap)
        self._near_count += len(found)
        if beyond:
            self._far_from[timeline] = last + 1
        else:
            del self._far_from[timeline]
