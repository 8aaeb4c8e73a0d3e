"""Telling the small stories: when each happens, who publishes which event of it, and what the event says.

They are told in the shown district alone, by systems of their own (`…/records`), with a generator, numbers, persons and
enterprises of their own: what the planted stories say, and what supervision must find in them, stays as it was.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.catalogue import Contracts
from schemas.contract import Contract
from services.simulator import cast
from services.simulator.background.fields import Fields
from services.simulator.days import LENGTH_DAYS, START, days_after, instant
from services.simulator.numbers import Numbers
from services.simulator.story import Planned, Story

SCRIPTS = Path(__file__).with_name("stories.yaml")
ROUND_CASES = 200
"""The stories are told once more for so many planted cases."""
LAST_DAYS = 4
"""Days at the end in which nothing happens, so that everything arrives."""
_OPENS = 8 * 3600
_STEP = 1_500
"""Seconds between two events of one day, at least: what a story tells first happens first."""
_PREFIX = "background."


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a script: days after its beginning, the type, and the fields that the script decides."""

    day: int
    type: str
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """One small story; `court` is the character of its court cases, `flags` are the compartments of its events."""

    kind: str
    court: str
    flags: tuple[str, ...]
    lines: tuple[Line, ...]


@cache
def scripts() -> tuple[Script, ...]:
    """Read the scripts."""
    entries = yaml.safe_load(SCRIPTS.read_text(encoding="utf-8"))
    return tuple(
        Script(
            _PREFIX + entry["kind"],
            entry.get("court", "刑初"),
            tuple(entry.get("flags", ())),
            tuple(_line(line) for line in entry["events"]),
        )
        for entry in entries
    )


def background(seed: int, cases: int) -> list[Story]:
    """Tell every script once, and once more for each `ROUND_CASES` planted cases beyond the first."""
    rng = random.Random(f"background {seed}")  # noqa: S311 - a simulation must repeat; nothing here is a secret
    numbers = Numbers(rng)
    contracts = Contracts.load()
    rounds = max(1, cases // ROUND_CASES)
    return [_tell(script, contracts, rng, numbers) for _ in range(rounds) for script in scripts()]


def publisher(contract: Contract) -> str:
    """Return the kind of organisation that publishes a contract's events here: its owner."""
    return contract.owner or contract.agency


def _tell(script: Script, contracts: Contracts, rng: random.Random, numbers: Numbers) -> Story:
    district = cast.SHOWN_DISTRICT
    fields = Fields(rng, numbers, district, script.court, minor="minor" in script.flags)
    latest = LENGTH_DAYS - LAST_DAYS - script.lines[-1].day
    begins = days_after(START, rng.randint(0, latest))
    at_us, day, events = 0, -1, []
    for line in script.lines:
        if line.day != day:
            day, at_us = line.day, instant(days_after(begins, line.day), _OPENS)
        at_us += (_STEP + rng.randrange(_STEP)) * 1_000_000
        contract = contracts.by_type(line.type)
        kind = publisher(contract)
        data = fields.data(contract, kind, at_us, line.given)
        subject = str(data[contract.subject_field])
        source = cast.records(kind, district)
        events.append(Planned(source, line.type, at_us, subject, district, data, script.flags))
    unit = cast.office(district, publisher(contracts.by_type(script.lines[0].type)))
    return Story(script.kind, district, unit, events[0].subject, tuple(events))


def _line(entry: str | dict[str, Any]) -> Line:
    head, given = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
    day, event_type = head.split()
    return Line(int(day), event_type, given or {})
