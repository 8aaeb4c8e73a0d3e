"""Marks of several partitions as one: the lowest, complete, and never back."""

from __future__ import annotations

from streams.projections.lowest import LowestMarks
from streams.projections.marks import MarksRecord


def told(clock: int, *silent: str, **sources: int) -> MarksRecord:
    """Make what a partition tells."""
    return MarksRecord(1, clock, sources, silent)


def test_nothing_counts_before_every_partition_has_told() -> None:
    """With one of two partitions nothing is shown; with both, the lowest clock and the lowest mark of each source."""
    lowest = LowestMarks(2)

    assert lowest.take(b"marks/0", told(9, a=9, b=5)).clock == 0
    merged = lowest.take(b"marks/1", told(7, "b", a=6))

    assert (merged.clock, merged.sources, merged.silent) == (7, {"a": 6, "b": 0}, ("b",))
    assert lowest.clock == 7


def test_what_was_shown_does_not_go_back() -> None:
    """A partition that folds history anew tells lower marks for a while: pages keep what they showed."""
    lowest = LowestMarks(1)
    lowest.take(b"marks/0", told(9, a=9))

    merged = lowest.take(b"marks/0", told(3, a=2))

    assert (merged.clock, merged.sources) == (9, {"a": 9})
    assert lowest.take(b"marks/0", told(12, a=11)).clock == 12
