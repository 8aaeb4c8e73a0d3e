"""What each source declares complete, every six hours: truthful, except for reports that come after it.

A mark says "everything that happened here up to then has been delivered". A source whose events are on their way keeps
its mark before the earliest of them (`complete_to`); one that owes nothing beats at its own time (`heartbeat`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Literal

from schemas.clock import HOUR
from services.simulator.cast import sources, speaks_at
from services.simulator.courier import Sent
from services.simulator.days import END, START, instant

BEAT = 6 * HOUR

Mark = tuple[int, str, Literal["heartbeat", "complete_to"], int]
"""(when it is declared, source, kind, up to when)."""


def declare(rng: random.Random, sent: Iterable[Sent]) -> list[Mark]:
    """Declare the marks of every source; at the city's end each that speaks is complete."""
    by_source: dict[str, list[Sent]] = {source: [] for source in sources()}
    for item in sent:
        if item.planned.admitted:
            by_source[item.planned.source].append(item)
    return [mark for source, items in by_source.items() for mark in _marks(source, items, rng.randrange(BEAT))]


def _marks(source: str, items: Sequence[Sent], phase: int) -> list[Mark]:
    end = instant(END)
    marks: list[Mark] = []
    for at_us in range(instant(START) + phase, end, BEAT):
        if speaks_at(source, at_us):
            mark = _complete_to(items, at_us)
            marks.append((at_us, source, "heartbeat" if mark == at_us else "complete_to", mark))
    if speaks_at(source, end):
        marks.append((end, source, "complete_to", end))
    return marks


def _complete_to(items: Sequence[Sent], at_us: int) -> int:
    """Return the moment before the earliest event that happened by `at_us` and has not arrived by then."""
    owed = [item.planned.at_us for item in items if item.planned.at_us <= at_us < item.arrives_us]
    return min(owed, default=at_us + 1) - 1
