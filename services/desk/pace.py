"""How often one person may do something: a window that slides, in memory; the audit log keeps what was done."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field

from schemas.clock import Clock


@dataclass
class Pace:
    """At most `most` times within `within` microseconds for each account."""

    clock: Clock
    most: int
    within: int
    _times: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, account: str) -> bool:
        """Tell whether the account may once more, and count it if so."""
        now = self.clock.now_us()
        with self._lock:
            times = self._times[account]
            while times and times[0] <= now - self.within:
                times.popleft()
            if len(times) >= self.most:
                return False
            times.append(now)
            return True
