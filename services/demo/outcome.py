"""What a demonstration came to: the alerts that stand, against the truth; the views; the audit log, verified."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from security.audit.verify import verify
from services.node.establishment import BUNDLED_MODELS
from services.node.layout import DataDirectory
from services.simulator.city import City
from services.simulator.judgement import Found, Verdict, alert_names, compare
from streams import alerts
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Reader
from streams.supervision.finding import FINAL
from streams.supervision.model import Model

PAGE = 1024
RECORDS_LEVEL = 3


@dataclass(frozen=True)
class Outcome:
    """The figures of one demonstration."""

    events: int
    views: int
    alerts: int
    verdict: Verdict
    audit_records: int
    verified: bool
    seconds: float
    states: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether exactly what was planted was found, and the log is whole."""
        return self.verdict.ok and self.verified

    def as_dict(self) -> dict[str, Any]:
        """Render for `--json`."""
        return {
            "events": self.events,
            "views": self.views,
            "alerts": self.alerts,
            "expected": self.verdict.expected,
            "missing": [f"{f.alert} {f.state}" for f in self.verdict.missing],
            "unexpected": [f"{f.alert} {f.state}" for f in self.verdict.unexpected],
            "audit_records": self.audit_records,
            "verified": self.verified,
            "seconds": round(self.seconds, 1),
            "states": self.states,
            "ok": self.ok,
        }


def outcome_of(data: Path, city: City, seconds: float) -> Outcome:
    """Read a stopped node's directory and judge it."""
    directory = DataDirectory(data)
    bus = EmbeddedBus(directory.bus, read_only=True)
    try:
        found = standing(bus)
        views = sum(bus.end(topic, 0) for topic in bus.topics("casebus.view."))
    finally:
        bus.close()
    verdict = compare(city.truth, found, alert_names(majors()))
    report = verify(directory.audit, RECORDS_LEVEL)
    states = dict(sorted(Counter(f.state for f in found).items()))
    final = sum(1 for f in found if f.state in FINAL)
    return Outcome(city.events, views, final, verdict, report.records, report.ok, seconds, states)


def standing(bus: Reader) -> list[Found]:
    """Return the last state of every alert."""
    last: dict[str, str] = {}
    for partition in range(bus.partitions(alerts.TOPIC)):
        position = 0
        while stored := bus.read(alerts.TOPIC, partition, position, PAGE):
            for each in stored:
                alert = alerts.decode(each.value)
                last[alert.id] = alert.state
            position = stored[-1].offset + 1
    return [Found(alert, state) for alert, state in last.items()]


def majors() -> dict[str, int]:
    """Return the major version of each bundled model by its id."""
    models = [Model.load(path) for path in sorted(BUNDLED_MODELS.glob("*.yaml"))]
    return {model.id: model.major for model in models}
