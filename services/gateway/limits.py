"""What one source may send: size, number, depth and rate. The site file may narrow each for a source.

The rate is a token bucket on a clock: `rate` events a second on average, `burst` at once. A request is let through
while anything is in the bucket and then takes what it holds, below zero if need be, so that a batch larger than the
bucket passes too and is paid for afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from schemas.clock import SECOND, Clock
from schemas.errors import UnavailableError


class RateError(UnavailableError):
    """A source sends more than it may; fields: `limit` (events a second), `seconds` (wait)."""

    code: ClassVar[str] = "gateway.rate"
    http_status: ClassVar[int] = 429


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What one source may send.

    Attributes:
        rate: events a second on average. burst: events at once.
        body, event: bytes of a request and of one event. events: events of a batch. depth: nesting of one event. Each
            is 0 where the gateway's own limit counts; none goes beyond that.
    """

    rate: int = 20_000
    burst: int = 200_000
    body: int = 0
    event: int = 0
    events: int = 0
    depth: int = 0

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Return the limits a control record states; what it does not name is as by default."""
        known = {name: int(value) for name, value in body.items() if name in cls.__dataclass_fields__}
        return cls(**known)


DEFAULT: Final = SourceLimits()


class Rates:
    """The buckets of all sources; safe for many threads. `clock` is the machine's: a demonstration's may stop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, int]] = {}

    def take(self, source: str, events: int, limits: SourceLimits) -> None:
        """Take `events` from the source's bucket; raises `RateError` with the seconds until it holds something."""
        now = self._clock.now_us()
        with self._lock:
            held, since = self._buckets.get(source, (float(limits.burst), now))
            # A clock set back must not empty a bucket; it fills again from the new time on.
            held = min(limits.burst, held + limits.rate * max(0, now - since) / SECOND)
            if held < 1:
                self._buckets[source] = held, now
                raise RateError(limit=limits.rate, seconds=int((1 - held) / limits.rate) + 1)
            self._buckets[source] = held - events, now
