"""A rehearsal: rows checked as the door checks them, with nothing kept and no node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.catalogue import Contracts
from schemas.clock import Clock
from services.gateway.inspection import Inspector, Rejected
from services.gateway.source import HIGHEST_LEVEL, RegisteredSource
from services.importer.mapping import Mapping

_NO_KEY = bytes([1]) + bytes(32)
"""Stands for a person key: a rehearsal has no linkage key, and keeps nothing it makes."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What would become of one event."""

    status: str
    code: str = ""
    paths: tuple[str, ...] = ()


class Rehearsal:
    """Checks events by their contracts and the clock. What a source is registered for is a matter of the node."""

    def __init__(self, contracts: Contracts, mapping: Mapping, clock: Clock) -> None:
        self._inspector = Inspector(contracts, lambda _: _NO_KEY, HIGHEST_LEVEL)
        self._clock = clock
        self._source = RegisteredSource(mapping.source, "", "", mapping.types, ("",))

    def check(self, events: Sequence[dict[str, Any]]) -> list[Checked]:
        """Return what would become of each event."""
        now = self._clock.now_us()
        return [self._one(event, now) for event in events]

    def _one(self, event: dict[str, Any], now: int) -> Checked:
        result = self._inspector.inspect(event, self._source, now)
        if isinstance(result, Rejected):
            return Checked(str(result.status), result.code, tuple(fault.path for fault in result.faults))
        return Checked("accepted")
