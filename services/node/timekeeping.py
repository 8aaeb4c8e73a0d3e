"""The clock a node runs on: the machine's, or a demonstration's.

A *scaled* clock runs faster than the machine's; a *stepped* one moves only when it is told to. Both are kept in
DIR/clock.json so that every process of the node, and a node started again, tells the same time; a stepped clock never
goes back. A node that takes real cases has no such file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas.clock import Clock, ManualClock, ScaledClock, SystemClock
from services.node.layout import write_private


def load_clock(path: Path) -> Clock:
    """Return the clock that `path` describes, the machine's where there is no such file."""
    if not path.is_file():
        return SystemClock()
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if body["kind"] == "stepped":
        return ManualClock(body["now"])
    return ScaledClock(SystemClock(), started=body["started"], origin=body["origin"], rate=body["rate"])


def save_scaled(path: Path, *, started: int, origin: int, rate: float) -> None:
    """Put a node on a clock that runs `rate` times as fast from `origin` on."""
    write_private(path, {"kind": "scaled", "started": started, "origin": origin, "rate": rate})


def save_stepped(path: Path, now: int) -> None:
    """Put a node on a clock that moves only when told to, or keep where it came to."""
    write_private(path, {"kind": "stepped", "now": now})
