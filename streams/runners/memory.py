"""Memory of a long-lived process, a node or a worker: what it tells Python's cycle collector."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Allocations before a young collection; young ones before a middle one; middle ones before a whole one."""


def settle() -> None:
    """Set aside what opening has made: it lives as long as the process, and walking it again frees nothing.

    Events are plain values without cycles, so collections may be rare: at the usual thresholds they cost a quarter of
    the time that an event takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
