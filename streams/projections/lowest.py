"""Marks told by several work partitions as one: the lowest clock, and of each source the lowest mark.

A partition that has told nothing yet holds everything back, so that pages never show a time that some of the cases have
not reached. What was shown never goes back.
"""

from __future__ import annotations

from streams.projections.marks import MarksRecord


class LowestMarks:
    """The newest marks of `partitions` tellers, by key."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._told: dict[bytes, MarksRecord] = {}
        self._shown = MarksRecord(1, 0, {}, ())

    @property
    def clock(self) -> int:
        """The clock that every partition has reached."""
        return self._shown.clock

    def take(self, key: bytes, record: MarksRecord) -> MarksRecord:
        """Take what one partition told; return what holds for all of them."""
        self._told[key] = record
        if len(self._told) < self._partitions:
            return self._shown
        told, shown = list(self._told.values()), self._shown
        clock = max(min(each.clock for each in told), shown.clock)
        named = {source for each in told for source in each.sources}
        lowest = {source: min(each.sources.get(source, 0) for each in told) for source in named}
        sources = {source: max(mark, shown.sources.get(source, 0)) for source, mark in sorted(lowest.items())}
        silent = tuple(sorted({source for each in told for source in each.silent}))
        self._shown = MarksRecord(1, clock, sources, silent)
        return self._shown
