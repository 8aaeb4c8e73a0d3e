"""What the contract of runners is told in: parts of a city, models, and what stands at the end, by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from schemas.clock import ManualClock
from security.audit.reading import read
from services.node.node import Node
from services.simulator.city import City
from streams.alerts import AlertRecord
from streams.supervision.finding import FINAL
from tests.integration.delivery_proof import Step, step_of, steps

Standing = tuple[str, ...]
"""An alert as it is compared: its state and every date, nothing of when or where it was processed."""


@dataclass(frozen=True)
class Part:
    """What arrives between two moments at which everything takes effect: events and then marks, by one clock."""

    clock: int
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    marks: Mapping[str, int]


@dataclass
class Outcome:
    """What stands: final alerts by id, and every decision: (subscription, event, fields).

    `told` is each state an alert was told in, `acts` each that the audit logs have: (id, model, state, mark).
    """

    alerts: dict[str, Standing] = field(default_factory=dict)
    decisions: set[tuple[str, str, tuple[str, ...]]] = field(default_factory=set)
    told: set[Step] = field(default_factory=set)
    acts: set[Step] = field(default_factory=set)
    recorded: dict[str, str] = field(default_factory=dict)
    """Alert → its newest state by the audit logs, those that stand in a final one."""


class RunnerUnderTest(Protocol):
    """A runner with a node in front of it."""

    node: Node

    def settle(self) -> None:
        """Work until everything that was told has taken effect, the marks included."""
        ...

    def outcome(self) -> Outcome:
        """Stop, and say what stands."""
        ...


def parts_of(city: City, count: int) -> list[Part]:
    """Cut a city into parts; the clock of a part is when its last delivery arrives, the last part ends the city."""
    size = -(-len(city.deliveries) // count)
    found = []
    for first in range(0, len(city.deliveries), size):
        deliveries = city.deliveries[first : first + size]
        marks: dict[str, int] = {}
        for each in deliveries:
            if each.mark is not None:
                marks[each.source] = max(marks.get(each.source, 0), each.mark)
        last = first + size >= len(city.deliveries)
        clock = city.end_us if last else deliveries[-1].at_us
        found.append(Part(clock, tuple((d.source, d.event) for d in deliveries if d.event is not None), marks))
    return found


def tell(runner: RunnerUnderTest, part: Part) -> None:
    """Let the door take one part."""
    node = runner.node
    assert isinstance(node.clock, ManualClock)
    node.clock.advance_to(part.clock)
    for source, event in part.events:
        node.door.accept(source, [event])
    for source, mark in part.marks.items():
        node.door.complete_to(source, mark)


def run(runner: RunnerUnderTest, parts: Iterable[Part]) -> Outcome:
    """Tell all parts, each taking effect before the next, and return what stands."""
    for part in parts:
        tell(runner, part)
        runner.settle()
    return runner.outcome()


def outcome_of(alerts: Iterable[AlertRecord], logs: Sequence[Path]) -> Outcome:
    """Make the outcome of alerts in their order and of audit logs."""
    found = list(alerts)
    last: dict[str, AlertRecord] = {alert.id: alert for alert in found}
    standing = {alert.id: standing_of(alert) for alert in last.values() if alert.state in FINAL}
    acts = [each for log in logs for each in steps(stored.record for stored in read(log))]
    newest = {alert: state for alert, _, state, _ in acts}
    return Outcome(
        standing,
        {each for log in logs for each in decisions(log)},
        set(map(step_of, found)),
        set(acts),
        {alert: state for alert, state in newest.items() if state in FINAL},
    )


def standing_of(alert: AlertRecord) -> Standing:
    """Return what of an alert is a function of events and control."""
    dates = (alert.opened_at, alert.due_at, alert.closed_at, alert.reported_at)
    where = (alert.model, alert.version, alert.state, alert.severity, alert.district, alert.unit)
    return (*where, *map(str, dates))


def decisions(log: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield every decision of an audit log; one that was made again is the same."""
    for stored in read(log):
        entry = stored.record
        if entry.act == "release":
            data: dict[str, Any] = dict(entry.data)
            for event, mask in zip(data["events"], data["by"], strict=True):
                yield entry.obj, event, tuple(data["masks"][mask][1])
