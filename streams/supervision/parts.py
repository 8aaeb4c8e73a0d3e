"""What events do to the clock of their key: the parts of a pattern, compiled."""

from __future__ import annotations

from typing import NamedTuple

from streams.supervision.condition import Predicate
from streams.supervision.fact import Fact
from streams.supervision.inputs import AtOf
from streams.supervision.rate import Rate

OPEN, RESUME, EXTEND, RESTART, SUSPEND, CLOSE, REOPEN, CUSTODY = range(8)
"""What an event does to the clock of its key: the parts, in the order in which they act at one instant."""

Part = int


class Extension(NamedTuple):
    """A new limit: how long, and from where it counts (`opener`, `event` or `last_day`)."""

    rate: Rate
    counts_from: str


class Handler(NamedTuple):
    """One part that one event type may play."""

    part: Part
    where: Predicate | None
    at: AtOf | None
    alias: str
    extension: Extension | None = None
    floor: int = -1


class Skipped(NamedTuple):
    """An event that could have opened a clock and did not; `why` is condition, no_limit or running."""

    fact: Fact
    why: str


Entry = tuple[Part, Predicate | None, AtOf | None, Handler]
"""A handler with what every event asks of it in front: the walk is the hot path of back-tests."""

Marked = tuple[int, int, int, Fact, Handler]
"""(when it counts, part, number, fact, handler): sorts without ever comparing facts."""
