"""What a story is: the events planned for one case and what supervision must say of it.

A story is written before anything is numbered or delivered. Its expectations name events by their place in the story,
so the truth follows from what was planted and from nothing that an engine computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

FinalState = Literal["raised", "unconfirmed", "overdue_done"]
FINAL_STATES: tuple[FinalState, ...] = ("raised", "unconfirmed", "overdue_done")


@dataclass(frozen=True, slots=True)
class Planned:
    """One event as it happened in its organisation, before it is numbered and delivered.

    Attributes:
        source: the organisation system that says it.
        type: the event type.
        at_us: when it happened, microseconds.
        subject: the case reference it is published under.
        district: six-digit district code.
        data: the contract's fields in JSON form.
        flags: compartments of the event.
        arrives_us: when it reaches the gateway; None leaves that to the courier.
        admitted: whether the source's mark waits for it; False for a report that comes after it had said "complete".
    """

    source: str
    type: str
    at_us: int
    subject: str
    district: str
    data: Mapping[str, Any]
    flags: tuple[str, ...] = ()
    arrives_us: int | None = None
    admitted: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that must stand at the end; `triggers` are places in the story, `last_day` the day it had to be done."""

    model: str
    state: FinalState
    triggers: tuple[int, ...]
    last_day: date


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A deadline that was kept, or never ran, and must leave no alert."""

    model: str
    triggers: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Path:
    """States the alert must pass through, in this order, when events arrive as delivered; others may lie between."""

    model: str
    triggers: tuple[int, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """One planted case."""

    kind: str
    district: str
    unit: str
    subject: str
    events: tuple[Planned, ...]
    alerts: tuple[Expected, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    paths: tuple[Path, ...] = field(default=())
