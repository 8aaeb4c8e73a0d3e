"""The truth file: what supervision must have found at the end, what it must not, and what it must have passed through.

It is made from the stories as they were planned. No engine, no legal clock and no model is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.simulator.days import end_of
from services.simulator.story import FinalState, Story


@dataclass(frozen=True, slots=True)
class TrueAlert:
    """An alert that must stand at the end.

    Attributes:
        kind: the plot it comes from.
        model: file of the model: `M01`, `M13-notice`, `M13-delivery`.
        state: the final state.
        triggers: ids of the triggering events, UUID text.
        due_us: 24:00 of the last day, microseconds.
    """

    kind: str
    model: str
    state: FinalState
    subject: str
    district: str
    unit: str
    triggers: tuple[str, ...]
    last_day: str
    due_us: int


@dataclass(frozen=True, slots=True)
class TrueSilence:
    """A trigger for which no alert may stand at the end, and the plot that says why."""

    kind: str
    model: str
    subject: str
    triggers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TruePath:
    """States an alert passes through in this order when the deliveries are taken in the order of their arrival."""

    kind: str
    model: str
    triggers: tuple[str, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is known of a city's stories."""

    alerts: tuple[TrueAlert, ...]
    near_misses: tuple[TrueSilence, ...]
    paths: tuple[TruePath, ...]
    kinds: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Render the truth for its file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Truth:
        """Read the truth back from its file."""
        return cls(
            tuple(TrueAlert(**_tupled(entry)) for entry in document["alerts"]),
            tuple(TrueSilence(**_tupled(entry)) for entry in document["near_misses"]),
            tuple(TruePath(**_tupled(entry)) for entry in document["paths"]),
            document["kinds"],
        )


def truth_of(stories: Sequence[Story], ids: Sequence[Sequence[str]]) -> Truth:
    """Join the stories' expectations with the ids their events were given; `ids` is story by story, place by place."""
    alerts, near_misses, paths = [], [], []
    for story, names in zip(stories, ids, strict=True):
        alerts += [
            TrueAlert(
                story.kind,
                alert.model,
                alert.state,
                story.subject,
                story.district,
                story.unit,
                _named(alert.triggers, names),
                alert.last_day.isoformat(),
                end_of(alert.last_day),
            )
            for alert in story.alerts
        ]
        near_misses += [
            TrueSilence(story.kind, miss.model, story.subject, _named(miss.triggers, names))
            for miss in story.near_misses
        ]
        paths += [TruePath(story.kind, p.model, _named(p.triggers, names), p.states) for p in story.paths]
    kinds = Counter(story.kind for story in stories)
    return Truth(tuple(alerts), tuple(near_misses), tuple(paths), dict(sorted(kinds.items())))


def _named(places: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names[place] for place in places)


def _tupled(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
