"""What the gateway counts, in the format that Prometheus reads. No value of an event, no name of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as Counting

from services.gateway.outcome import Outcome, Status

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
EVENTS = (1, 4, 16, 64, 256, 1024, 4096)


class GatewayMetrics:
    """The gateway's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counting(
            "casebus_gateway_events", "Events by how they ended", ["outcome", "code"], registry=self.registry
        )
        self._unavailable = Counting(
            "casebus_gateway_unavailable",
            "Commits that failed: nothing was acknowledged",
            ["code"],
            registry=self.registry,
        )
        self._throttled = Counting("casebus_gateway_throttled", "Requests answered with 429", registry=self.registry)
        self._turned_away = Counting(
            "casebus_gateway_turned_away",
            "Requests of which nothing was read, over a limit or no batch",
            ["code"],
            registry=self.registry,
        )
        self._denied = Counting("casebus_gateway_denied", "Requests without a valid token", registry=self.registry)
        self._seconds = Histogram(
            "casebus_gateway_commit_seconds", "Time of one commit", buckets=SECONDS, registry=self.registry
        )
        self._size = Histogram(
            "casebus_gateway_commit_events", "Events of one commit", buckets=EVENTS, registry=self.registry
        )
        self.waiting = Gauge("casebus_gateway_waiting_events", "Events waiting for a commit", registry=self.registry)
        for status in (Status.ACCEPTED, Status.REPEATED):
            self._events.labels(str(status), "")

    def took(self, outcomes: Iterable[Outcome], seconds: float) -> None:
        """Count the outcomes of one commit."""
        ends = Counter((outcome.status, outcome.code) for outcome in outcomes)
        for (status, code), count in ends.items():
            self._events.labels(str(status), code).inc(count)
        self._seconds.observe(seconds)
        self._size.observe(ends.total())

    def failed(self, code: str) -> None:
        """Count a commit that failed."""
        self._unavailable.labels(code).inc()

    def throttled(self) -> None:
        """Count a request answered with 429."""
        self._throttled.inc()

    def turned_away(self, code: str) -> None:
        """Count a request that was refused as a whole: too large, too fast, or no batch."""
        self._turned_away.labels(code).inc()

    def denied(self) -> None:
        """Count a request without a valid token."""
        self._denied.inc()

    def ended(self, status: Status, code: str = "") -> float:
        """Return how many events ended so."""
        value = self.registry.get_sample_value("casebus_gateway_events_total", {"outcome": str(status), "code": code})
        return value or 0.0

    def render(self) -> bytes:
        """Return the text format."""
        return generate_latest(self.registry)
