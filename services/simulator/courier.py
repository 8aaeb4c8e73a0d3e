"""How events reach the gateway: numbered by their source, most within the hour, some after a day, some twice.

Arrival is not order: a decision can overtake the acceptance it decides. A source that is silent delivers what happened
meanwhile when it speaks again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.clock import DAY, HOUR, SECOND
from schemas.event import derived_id, sequence_of
from services.simulator.cast import heard_from, speaks_at
from services.simulator.days import END, instant
from services.simulator.story import Planned, Story

_MINUTE = 60 * SECOND
_DELAYS = (
    # (share of the events, shortest, longest)
    (85, 1 * _MINUTE, 40 * _MINUTE),
    (10, 1 * HOUR, 10 * HOUR),
    (5, 10 * HOUR, 16 * HOUR),
)
_POLICE_SLOWEST = 30 * HOUR
"""Stations may take more than a day; what ends somebody's custody is on its way for less than models wait for it."""
_BACKLOG = (1 * _MINUTE, 2 * HOUR)
_DUPLICATED = 0.04
_AGAIN = (1 * _MINUTE, 3 * DAY)


@dataclass(frozen=True, slots=True)
class Sent:
    """A planned event with its number and the moments it arrives: the first, and the repeats."""

    planned: Planned
    id: bytes
    sequence: str
    arrives_us: int
    repeats_us: tuple[int, ...]


def send(rng: random.Random, stories: Sequence[Story]) -> list[list[Sent]]:
    """Number and send every event; returns them story by story, in the places they were told."""
    numbers = _numbered(stories)
    return [
        [_sent(rng, planned, numbers[place, index]) for index, planned in enumerate(story.events)]
        for place, story in enumerate(stories)
    ]


def _numbered(stories: Sequence[Story]) -> dict[tuple[int, int], str]:
    """Give each event its source's next number, in the order in which they were entered there."""
    entered = sorted(
        (planned.source, _entered_us(planned), place, index)
        for place, story in enumerate(stories)
        for index, planned in enumerate(story.events)
    )
    numbers: dict[tuple[int, int], str] = {}
    last_source, number = "", 0
    for source, _, place, index in entered:
        number = number + 1 if source == last_source else 1
        last_source = source
        numbers[place, index] = sequence_of(number)
    return numbers


def _entered_us(planned: Planned) -> int:
    """Say when the source entered the event: when it happened, or, for a report that came late, when it was made."""
    if planned.admitted or planned.arrives_us is None:
        return planned.at_us
    return planned.arrives_us


def _sent(rng: random.Random, planned: Planned, sequence: str) -> Sent:
    arrives = planned.arrives_us if planned.arrives_us is not None else planned.at_us + _delay(rng, planned.source)
    heard = heard_from(planned.source, arrives)
    if heard > arrives:
        arrives = heard + rng.randint(*_BACKLOG)
    repeats: tuple[int, ...] = ()
    if rng.random() < _DUPLICATED:
        repeats = tuple(
            at for at in (arrives + rng.randint(*_AGAIN),) if speaks_at(planned.source, at) and at < instant(END)
        )
    return Sent(planned, derived_id(planned.source, sequence), sequence, arrives, repeats)


def _delay(rng: random.Random, source: str) -> int:
    shortest, longest = rng.choices([(low, high) for _, low, high in _DELAYS], [share for share, _, _ in _DELAYS])[0]
    if longest == _DELAYS[-1][2] and source.startswith("police-"):
        longest = _POLICE_SLOWEST
    return rng.randint(shortest, longest)
