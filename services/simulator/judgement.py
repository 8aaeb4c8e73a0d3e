"""Judging what was found against the truth: what is missing, what nobody planted, and nothing in between.

An alert is known by its model and the events that triggered it. An alert in another final state counts twice: the true
one is missing, the found one unexpected.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.simulator.story import FINAL_STATES
from services.simulator.truth import Truth
from streams.supervision.finding import alert_id

AlertName = Callable[[str, Sequence[bytes]], str]
"""(model of the truth, ids of the triggering events) → id of the alert, as the engine makes it."""


def alert_names(majors: Mapping[str, int]) -> AlertName:
    """Name alerts as the engine does; `majors` gives the major version of each model by its id."""
    return lambda model, triggers: alert_id(model, majors[model], triggers)


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """An alert as it stands: its id and its state; states on the way are passed over."""

    alert: str
    state: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The difference between truth and found; both empty when they are the same."""

    expected: int
    missing: tuple[Found, ...]
    unexpected: tuple[Found, ...]

    @property
    def ok(self) -> bool:
        """Whether exactly what was planted was found."""
        return not self.missing and not self.unexpected


def expected(truth: Truth, name: AlertName) -> Counter[Found]:
    """Name the alerts that must stand at the end."""
    return Counter(
        Found(name(alert.model, [uuid.UUID(trigger).bytes for trigger in alert.triggers]), alert.state)
        for alert in truth.alerts
    )


def compare(truth: Truth, found: Iterable[Found], name: AlertName) -> Verdict:
    """Compare the final alerts that were found with the truth; an alert found twice is unexpected once."""
    wanted = expected(truth, name)
    standing = Counter(alert for alert in found if alert.state in FINAL_STATES)
    return Verdict(
        expected=wanted.total(),
        missing=tuple(sorted((wanted - standing).elements())),
        unexpected=tuple(sorted((standing - wanted).elements())),
    )
