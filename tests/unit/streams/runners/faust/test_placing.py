"""Where records go: every key lives in exactly one work partition, and its facts reach it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.runners.faust.placing import by_partition, of_address
from streams.supervision.engine import Change, Engine
from streams.supervision.keystate import MemoryKeyState
from streams.supervision.marks import Marks
from tests.unit.streams.supervision.making import at, fact, model

DAYS = st.integers(1, 27)
EVENTS = st.lists(st.tuples(st.sampled_from(["opened", "closed"]), DAYS, st.sampled_from("ABCDEF")), max_size=20)


@given(EVENTS, st.integers(1, 5))
def test_split_over_partitions_the_alerts_are_the_same(events: list[tuple[str, int, str]], count: int) -> None:
    """Folding each partition's facts by themselves changes what one fold of everything changes, each alert once."""
    engine = Engine([model()])
    facts = [fact(kind, f"2025-03-{day:02}T09:00", subject=subject) for kind, day, subject in events]
    marks = Marks(at("2026-01-01"))
    whole = engine.apply(MemoryKeyState(), facts, marks)

    split: list[Change] = []
    for partition, mine in by_partition(engine, facts, count).items():
        here = {a for each in mine for a in engine.addresses(each) if of_address(a, count) == partition}
        split += engine.apply(MemoryKeyState(), mine, marks, here.__contains__)

    assert sorted(c.finding.id for c in split) == sorted(c.finding.id for c in whole)


def test_a_fact_of_a_key_that_lives_elsewhere_is_left_alone() -> None:
    """A fact that came for another key of its own is not folded here."""
    engine = Engine([model()])
    opened = fact("opened", "2025-03-03T09:00", subject="A")

    assert engine.apply(MemoryKeyState(), [opened], Marks(at("2026-01-01")), lambda _: False) == []
    assert len(engine.addresses(opened)) == 1
