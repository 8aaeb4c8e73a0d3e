"""Marks of several writers: none counts before everyone who could contradict it has come that far."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import ManualClock
from schemas.errors import CasebusError
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams.runners.faust.marks import WriterMarks, is_marks, open_marks, raw_marks
from streams.work import MarkBatch

WRITERS = {"casebus.raw.a": ("a0", "a1"), "casebus.raw.b": ("b0",)}


def sealer() -> Sealer:
    """Make a sealer over fresh keys."""
    return Sealer(MemoryKeystore(), ManualClock(), provisions=True)


def test_the_clock_waits_for_the_last_writer() -> None:
    """A writer that has said nothing holds the clock at nought."""
    marks = WriterMarks(WRITERS)
    marks.tell("a0", MarkBatch(9, {}))
    marks.tell("b0", MarkBatch(7, {}))
    assert marks.clock == 0

    marks.tell("a1", MarkBatch(8, {}))

    assert marks.clock == 7


def test_a_source_is_as_far_as_the_slowest_partition_of_its_topic() -> None:
    """Other topics do not hold it back, its own topic's other partition does."""
    marks = WriterMarks(WRITERS)
    marks.tell("a0", MarkBatch(9, {"s": 5}))
    assert marks.sources == {"s": 0}

    marks.tell("a1", MarkBatch(9, {"s": 4}))
    marks.tell("a1", MarkBatch(8, {"s": 2}))

    assert marks.sources == {"s": 4}


@given(st.lists(st.tuples(st.sampled_from(["a0", "a1", "b0"]), st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_marks_never_go_back_and_survive_a_restart(told: list[tuple[str, int, int]]) -> None:
    """Whatever writers tell, in whatever order: clock and sources only grow, and the changelog brings them back."""
    marks, clock, source = WriterMarks(WRITERS), 0, 0
    for writer, now, mark in told:
        marks.tell(writer, MarkBatch(now, {"s": mark}))
        assert marks.clock >= clock
        assert marks.sources.get("s", 0) >= source
        clock, source = marks.clock, marks.sources.get("s", 0)

    again = WriterMarks(WRITERS)
    again.decode(marks.encode())

    assert (again.clock, again.sources) == (marks.clock, marks.sources)


def test_marks_count_only_in_the_partition_they_were_made_for() -> None:
    """Copied to another partition or altered, marks are an error with a code and move nothing."""
    keys = sealer()
    record = raw_marks(keys, "casebus.raw.a", 0, 9, {"s": 5})

    assert is_marks(record.headers)
    assert open_marks(keys, "casebus.raw.a", 0, record.key, record.value) == MarkBatch(9, {"s": 5})
    misplaced = open_marks(keys, "casebus.raw.a", 1, record.key, record.value)
    altered = open_marks(keys, "casebus.raw.a", 0, record.key, record.value[:-1] + b"\0")
    assert isinstance(misplaced, CasebusError)
    assert misplaced.code == "worker.marks_misplaced"
    assert isinstance(altered, CasebusError)
