"""The scene of one story: where it happens, and the events told so far.

Stories say what happens; the scene knows numbers, units, hours of the day and the shape of an event's data.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from typing import Any

from services.simulator import cast
from services.simulator.days import START, days_after, instant, is_working
from services.simulator.numbers import Numbers
from services.simulator.story import Expected, NearMiss, Path, Planned, Story

_HOUR = 3600
MORNING = (9 * _HOUR, 12 * _HOUR)
AFTERNOON = (13 * _HOUR, 18 * _HOUR)
LATE_EVENING = (21 * _HOUR, 24 * _HOUR - 1)
AFTER_MIDNIGHT = (0, 3 * _HOUR)

Hours = tuple[int, int]


class Scene:
    """Collects one story."""

    def __init__(self, rng: random.Random, numbers: Numbers, *, kind: str, district: str, unit: str) -> None:
        self.rng = rng
        self.numbers = numbers
        self.kind = kind
        self.district = district
        self.unit = unit
        self.subject = ""
        self.suspect: dict[str, str] | None = None
        self.enterprise: str | None = None
        self._events: list[Planned] = []
        self._alerts: list[Expected] = []
        self._near_misses: list[NearMiss] = []
        self._paths: list[Path] = []

    def at(self, day: date, hours: Hours) -> int:
        """Choose a moment of a day, microseconds."""
        return instant(day, self.rng.randint(*hours))

    def first_day(self, limit: Callable[[date], date], *, earliest: date = START, latest: date) -> date:
        """Choose a working day whose limit ends on a working day: nothing rolls there, whoever reckons."""
        choices = []
        day = earliest
        while day <= latest:
            if is_working(day) and is_working(limit(day)):
                choices.append(day)
            day = days_after(day, 1)
        return self.rng.choice(choices)

    def tell(
        self,
        source: str,
        event_type: str,
        at_us: int,
        data: dict[str, Any],
        *,
        flags: tuple[str, ...] = (),
        arrives_us: int | None = None,
        admitted: bool = True,
    ) -> int:
        """Add an event and return its place in the story; fields that are None are left out."""
        carried = {name: value for name, value in data.items() if value is not None}
        self._events.append(
            Planned(source, event_type, at_us, self.subject, self.district, carried, flags, arrives_us, admitted)
        )
        return len(self._events) - 1

    def expect(self, alert: Expected) -> None:
        """State that an alert must stand."""
        self._alerts.append(alert)

    def nothing(self, model: str, trigger: int, why: str) -> None:
        """State that no alert may stand for a trigger."""
        self._near_misses.append(NearMiss(model, (trigger,), why))

    def passes(self, model: str, trigger: int, *states: str) -> None:
        """State which states an alert must pass through."""
        self._paths.append(Path(model, (trigger,), states))

    def story(self) -> Story:
        """Close the story."""
        return Story(
            self.kind,
            self.district,
            self.unit,
            self.subject,
            tuple(self._events),
            tuple(self._alerts),
            tuple(self._near_misses),
            tuple(self._paths),
        )


def home_of(district: str, rng: random.Random) -> str:
    """Choose the police station a case belongs to; in the shown district it is the one whose officer is shown."""
    units = cast.stations(district)
    return units[0] if district == cast.SHOWN_DISTRICT else rng.choice(units)
