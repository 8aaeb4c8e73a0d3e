"""Alerts as they become readable for a read_committed reader: when, and what each was stamped with."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from streams import alerts
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_follower import KafkaFollower
from streams.bus.port import Stored
from streams.supervision.finding import FINAL
from tests.bench.whole_load import Plan

MATCH, OVERDUE, DEADLINE = "whole-match", "whole-overdue", "whole-deadline"


class Seen(NamedTuple):
    """An alert in a final state: its kind, district, stamp (node's time) and when it was readable, seconds."""

    model: str
    district: str
    stamp: int
    at: float


@dataclass
class AlertReader:
    """Follows `casebus.alerts`; `twice` counts what came again in the same state."""

    address: KafkaAddress
    partitions: int
    seen: list[Seen] = field(default_factory=list)
    other: int = 0
    twice: int = 0
    _ids: set[tuple[str, str]] = field(default_factory=set)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read while the block runs."""
        done = threading.Event()
        places = {(alerts.TOPIC, number): 0 for number in range(self.partitions)}
        follower = KafkaFollower(self.address, "bench-alerts", places)

        def run() -> None:
            while not done.is_set():
                for page in follower.poll(0.2, 1000):
                    self._take(page.records, time.time())

        thread = threading.Thread(target=run, name="alerts")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            follower.close()

    def _take(self, records: Sequence[Stored], at: float) -> None:
        for record in records:
            alert = alerts.decode(record.value)
            known = (alert.id, alert.state)
            self.twice += known in self._ids
            self._ids.add(known)
            if alert.state not in FINAL:
                self.other += 1
                continue
            stamp = {MATCH: alert.opened_at, OVERDUE: alert.closed_at, DEADLINE: alert.due_at}[alert.model]
            assert stamp is not None
            self.seen.append(Seen(alert.model, alert.district, stamp, at))


def latencies(seen: Sequence[Seen], model: str, plan: Plan, began: float, ended: float) -> list[float]:
    """Return readable − stamp in seconds, sorted, for the alerts of a kind that were stamped between two times."""
    found = []
    for each in seen:
        stamped = machine(plan, each.stamp)
        if each.model == model and began <= stamped <= ended:
            found.append(each.at - stamped)
    return sorted(found)


def after_mark(
    seen: Sequence[Seen], plan: Plan, marks: Sequence[tuple[str, int, float]], began: float, ended: float
) -> list[float]:
    """Return how long after the mark that passed its limit each deadline alert was readable, sorted, seconds."""
    by_district: dict[str, list[tuple[int, float]]] = {}
    for source, mark, sent in marks:
        by_district.setdefault(source.removeprefix("traffic-").partition("/")[0], []).append((mark, sent))
    found = []
    for each in seen:
        if each.model == DEADLINE and began <= machine(plan, each.stamp) <= ended:
            passed = next((sent for mark, sent in by_district[each.district] if mark >= each.stamp), None)
            if passed is not None:
                found.append(each.at - passed)
    return sorted(found)


def machine(plan: Plan, stamp: int) -> float:
    """Return the machine's time at a time of the node, in seconds."""
    return ((stamp - plan.origin) / plan.rate + plan.started) / 1e6


def quantile(values: Sequence[float], share: float) -> float:
    """Return what `share` of sorted values stay within, in milliseconds; nothing measured is infinite."""
    return values[min(int(share * len(values)), len(values) - 1)] * 1000 if values else float("inf")
