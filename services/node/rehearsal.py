"""Routes of a demonstration node only: move its stepped clock, wait until everything took effect.

They exist where the data directory has a clock of its own, which no node with real cases has.
"""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from schemas.clock import ManualClock
from services.node.node import Node
from services.node.timekeeping import save_stepped

WAIT_SECONDS = 0.01
DRAIN_SECONDS = 60.0


class ClockBody(BaseModel):
    """Where the clock is to stand, microseconds."""

    now: int


def rehearsal_router(node: Node) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/rehearsal", tags=["demonstration"])

    @router.post("/clock")
    def clock(body: ClockBody) -> dict[str, Any]:
        if isinstance(node.clock, ManualClock):
            node.clock.advance_to(body.now)
        return {"now": node.clock.now_us()}

    @router.post("/drain")
    def drain() -> dict[str, Any]:
        """Wait until the marks of now, and all that was accepted before them, took effect."""
        if isinstance(node.clock, ManualClock):
            save_stepped(node.data.clock, node.clock.now_us())
        wanted = node.clock.now_us()
        until = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < until:
            if node.runner.reached() >= wanted and not node.runner.lag():
                return {"drained": True}
            time.sleep(WAIT_SECONDS)
        return {"drained": False}

    return router
