"""Laws of supervision: order of arrival, repetition, cuts and the pace of the marks never change what stands."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clock import DAY, HOUR
from streams.supervision.engine import Engine
from streams.supervision.fact import Fact, folded
from streams.supervision.finding import FINAL
from streams.supervision.keystate import MemoryKeyState
from streams.supervision.marks import Marks, Registration, SourceDirectory
from streams.supervision.model import Model
from streams.supervision.report import evaluate
from tests.unit.streams.supervision.making import at, fact, model

START = at("2025-03-03")
DIRECTORY = SourceDirectory(
    [Registration("one", frozenset({"a.closed"}), ("990101",)), Registration("two", frozenset({"a.closed"}))]
)
EXTEND = {"limit": {"days": {"field": "days"}, "basis": "ours"}}
FULL = model(
    pattern__absence__extend=[{**EXTEND, "on": "more", "from": "opener"}],
    pattern__absence__suspend=[{"on": "stop", "until": "go"}],
    pattern__absence__restart=["anew"],
    pattern__absence__reopen=[{"on": "refused", "severity": "orange"}],
    pattern__absence__roll="next_working_day",
    pattern__absence__custody={"input": "opened", "field": "held"},
    inputs__closed__at="mailed_at",
)
PLAIN = model(metadata__id="short", params__limit__default=5, pattern__absence__since="any")
OVERDUE = model(metadata__id="overdue", pattern={"overdue": PLAIN.document["pattern"]["absence"]})
MODELS = (FULL, PLAIN, OVERDUE)

KINDS = ("opened", "opened", "closed", "closed", "more", "stop", "go", "anew", "refused")


@st.composite
def one_fact(draw: st.DrawFn, number: int, span: int) -> Fact:
    """A fact somewhere in a month, for one of two subjects, sometimes a correction of an earlier one."""
    kind = draw(st.sampled_from(KINDS))
    when = START + draw(st.integers(0, span)) * 6 * HOUR
    data = {
        "opened": {"kind": "x", "held": draw(st.booleans())},
        "closed": {"mailed_at": when - draw(st.integers(0, 8)) * DAY} if draw(st.booleans()) else {},
        "more": {"days": draw(st.integers(8, 40))},
    }.get(kind, {})
    corrects = draw(st.integers(0, number)) if draw(st.integers(0, 9)) == 0 else None
    return fact(
        kind,
        when,
        id=f"f{number}",
        subject=draw(st.sampled_from(["S", "T"])),
        source=draw(st.sampled_from(["one", "two"])),
        sequence=str(number),
        recorded_at=when + draw(st.integers(0, 20)) * DAY,
        data=data,
        supersedes=None if corrects is None or corrects == number else fact("x", 0, id=f"f{corrects}").id,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Up to nine facts, over a month or crowded into one day."""
    span = draw(st.sampled_from([2, 30 * 4]))
    return [draw(one_fact(number, span)) for number in range(draw(st.integers(1, 9)))]


MARKS = st.lists(
    st.tuples(st.integers(0, 60 * 4), st.integers(0, 60 * 4), st.integers(0, 60 * 4)), min_size=1, max_size=6
)


def marks_of(numbers: tuple[int, int, int]) -> Marks:
    """Return marks from quarters of days: the clock and both sources."""
    clock, one, two = (START + n * 6 * HOUR for n in numbers)
    return Marks(clock, {"one": one, "two": two}, DIRECTORY)


def forward(steps: Sequence[tuple[int, int, int]]) -> list[Marks]:
    """Return marks that never go back."""
    best = (0, 0, 0)
    found = []
    for step in steps:
        best = (max(best[0], step[0]), max(best[1], step[1]), max(best[2], step[2]))
        found.append(marks_of(best))
    return found


def whole(models: Sequence[Model], facts: Sequence[Fact], marks: Marks) -> dict[str, str]:
    """Fold everything at once, without an engine."""
    found: dict[str, str] = {}
    for made in models:
        for subject in {f.subject for f in facts}:
            known = folded(f for f in facts if f.subject == subject)
            for finding in evaluate(made, subject, known, marks).findings:
                if finding.state in FINAL:
                    found[finding.id] = finding.state
    return found


def lived(batches: Sequence[tuple[Sequence[Fact], Marks]]) -> dict[str, str]:
    """Let batches arrive, with a new engine for each: every step is a cut and a restore."""
    store, stands = MemoryKeyState(), dict[str, str]()
    for facts, marks in batches:
        for change in Engine(MODELS, DIRECTORY).apply(store, facts, marks):
            stands[change.finding.id] = change.finding.state
    return {alert: state for alert, state in stands.items() if state in FINAL}


@given(histories(), MARKS, st.randoms(use_true_random=False), st.data())
@settings(max_examples=300)
def test_order_repetition_cuts_and_marks(
    facts: list[Fact], steps: list[tuple[int, int, int]], rnd: random.Random, data: st.DataObject
) -> None:
    """Any order, any repetition, any cut, any pace of marks: the final alerts are those of one whole fold."""
    paces = forward(steps)
    arrivals = facts + [f for f in facts if rnd.random() < 0.4]
    rnd.shuffle(arrivals)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arrivals)), max_size=len(paces) - 1)))
    bounds = [0, *cuts, len(arrivals)]
    batches: list[tuple[Sequence[Fact], Marks]] = [
        (arrivals[first:last], paces[min(i, len(paces) - 1)]) for i, (first, last) in enumerate(pairwise(bounds))
    ]
    batches += [((), marks) for marks in paces[len(batches) :]]
    batches.append(((), paces[-1]))

    assert lived(batches) == whole(MODELS, facts, paces[-1])


@given(histories())
@settings(max_examples=200)
def test_the_short_way_is_the_general_way(facts: list[Fact]) -> None:
    """Patterns that only open and close are walked a shorter way, to the same terms."""
    for subject in ("S", "T"):
        known = folded(f for f in facts if f.subject == subject)
        short = PLAIN.pattern.terms(known)
        general = PLAIN.pattern.terms(known, [])

        assert [(t.opener, t.closer, t.closed_at, t.deadline) for t in short] == [
            (t.opener, t.closer, t.closed_at, t.deadline) for t in general
        ]


@given(histories(), MARKS)
@settings(max_examples=200)
def test_nothing_changes_between_wakes(facts: list[Fact], steps: list[tuple[int, int, int]]) -> None:
    """As long as no clock time asked for and no awaited mark is reached, looking again would show the same."""
    paces = forward(steps)
    for made in MODELS:
        known = folded(f for f in facts if f.subject == "S")
        before = made.verdicts(known, paces[0])
        after = made.verdicts(known, paces[-1])
        for old, new in zip(before, after, strict=True):
            due = old.term.deadline.due_at
            woken = old.wake_at is not None and paces[-1].clock >= old.wake_at
            spoken = any(paces[-1].of(source) >= due for source in old.waits)
            assert woken or spoken or (old.state, old.severity) == (new.state, new.severity)
