"""Time as a port: no domain code reads the wall clock.

All times are integers: microseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


class Clock(Protocol):
    """Whatever tells the time."""

    def now_us(self) -> int:
        """Return the time in microseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Return the machine's time."""
        return time.time_ns() // 1_000


@dataclass
class ManualClock:
    """A clock that stands still until it is moved; it never goes back by itself."""

    now: int = 0

    def now_us(self) -> int:
        """Return the time it was set to."""
        return self.now

    def advance_to(self, now: int) -> None:
        """Move forward to `now`; an earlier time is ignored."""
        self.now = max(self.now, now)


@dataclass(frozen=True)
class ScaledClock:
    """A clock that runs `rate` times as fast as `base` since `started`.

    `origin` is the scaled time at the base time `started`. Demonstration nodes run on it: a legal period of ten days
    passes in seconds, and gateway, marks and console agree on the time.
    """

    base: Clock
    started: int
    origin: int
    rate: float

    def now_us(self) -> int:
        """Return the scaled time."""
        return self.origin + int((self.base.now_us() - self.started) * self.rate)
