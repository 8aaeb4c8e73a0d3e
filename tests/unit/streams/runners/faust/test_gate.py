"""The gate: every record passes once, in the order of the log, whatever the consumer skips or shows again."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from streams.runners.faust.gate import Gate, Verdict
from streams.runners.faust.progress import Progress, Stamp


@dataclass(frozen=True)
class Logged:
    """A record of a log with gaps: where it stands, what it follows, its stamp."""

    offset: int
    follows: int
    stamp: Stamp


@st.composite
def logs(draw: st.DrawFn) -> list[Logged]:
    """Make a log that several writers wrote by transactions: offsets have gaps, each writer's numbers have none."""
    records, offset, sent = [], 0, dict.fromkeys("abc", 0)
    for writer in draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=12)):
        follows = offset
        offset += draw(st.integers(0, 2))
        records.append(Logged(offset, follows, Stamp(writer, sent[writer])))
        sent[writer] += 1
        offset += 1
    return records


@given(logs(), st.lists(st.integers(0, 11), max_size=60))
def test_whatever_arrives_the_records_pass_in_the_order_of_the_log(log: list[Logged], arrivals: list[int]) -> None:
    """Skipped, repeated, out of order: what passed is always the beginning of the log, each record once."""
    gate, passed = Gate(Progress(), chained=True), []
    for index in arrivals:
        record = log[index % len(log)]
        if gate.judge(record.offset, record.follows, record.stamp) is Verdict.APPLY:
            passed.append(record)

    assert passed == log[: len(passed)]
    rest = [r for r in log if gate.judge(r.offset, r.follows, r.stamp) is Verdict.APPLY]
    assert passed + rest == log


def test_raw_is_gated_on_offsets() -> None:
    """Where no transaction wrote, the next offset is the only one that passes."""
    gate = Gate(Progress(next=5), chained=False)

    assert [gate.judge(n, None, None) for n in (4, 6, 5, 5, 6)] == [
        Verdict.OLD,
        Verdict.HOLE,
        Verdict.APPLY,
        Verdict.OLD,
        Verdict.APPLY,
    ]


def test_a_record_that_stock_faust_skipped_is_a_hole() -> None:
    """A marker at offset 1 is no record; a record that vanished at offset 1 is one: only the link tells them apart."""
    marker, lost = Gate(Progress(), chained=True), Gate(Progress(), chained=True)
    first = Stamp("a", 0)
    for gate in (marker, lost):
        gate.judge(0, 0, first)

    assert marker.judge(2, 1, Stamp("a", 1)) is Verdict.APPLY
    assert lost.judge(2, 2, Stamp("b", 0)) is Verdict.HOLE


def test_a_number_that_is_missing_stays_a_hole_however_the_consumer_links_it() -> None:
    """The consumer says nothing lies between; the writer's numbers say otherwise, and they count."""
    gate = Gate(Progress(), chained=True)

    assert gate.judge(0, 0, Stamp("a", 1)) is Verdict.HOLE
    assert gate.judge(0, None, Stamp("a", 0)) is Verdict.HOLE
    assert gate.next == 0


def test_a_writer_that_repeats_itself_is_passed_over() -> None:
    """A number that was received is not applied again, and the gate moves on."""
    gate = Gate(Progress(next=10, received={"a": 3}), chained=True)

    assert gate.judge(10, 10, Stamp("a", 2)) is Verdict.REPEAT
    assert gate.judge(11, 11, Stamp("a", 3)) is Verdict.APPLY
    assert gate.received == {"a": 4}
