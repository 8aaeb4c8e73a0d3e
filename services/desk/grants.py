"""Named grants: one person asks to learn who somebody is, for one case; two others approve; it lasts a day.

A grant names who asked, and by which event and field of the case the person stands; never the person. Where it stands
is a value on the bus, one for each alert; each step is an act `grant` of the audit log, durable before it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.clock import HOUR
from security.approval import Approvals
from streams.bus.port import Bus, Transaction

STORE: Final = "desk.grants"
APPROVALS: Final = 2
LASTS: Final = 24 * HOUR
"""How long an approved grant opens (a parameter of ours), microseconds from the second approval."""
MOST: Final = 50
"""Grants that are kept of one alert; the oldest go."""


class Grant(msgspec.Struct, array_like=True, frozen=True):
    """One grant: id, who asked, which event and field, the legal basis, when (microseconds), who approved and when."""

    id: str
    by: str
    event: str
    field: str
    basis: str
    asked_at: int
    approvals: tuple[tuple[str, int], ...] = ()

    @property
    def standing(self) -> Approvals:
        """Who asked and who approved, for the rule of approvals."""
        return Approvals(APPROVALS, self.by, tuple(account for account, _ in self.approvals))

    def state(self, now: int) -> str:
        """Return `asked`, `approved` or `over`."""
        since = self.approvals[-1][1] if self.approvals else self.asked_at
        if now >= since + LASTS:
            return "over"
        return "approved" if self.standing.enough else "asked"

    def as_dict(self, now: int) -> dict[str, Any]:
        """Render it for the page."""
        accounts = [account for account, _ in self.approvals]
        return {
            "id": self.id,
            "by": self.by,
            "event": self.event,
            "field": self.field,
            "basis": self.basis,
            "asked_at": self.asked_at,
            "approvals": accounts,
            "state": self.state(now),
        }


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Grant, ...]).decode


@dataclass(frozen=True)
class Grants:
    """The grants of alerts, on the bus."""

    bus: Bus

    def of(self, alert_id: str) -> Sequence[Grant]:
        """Return the grants of an alert, oldest first."""
        raw = self.bus.get(STORE, alert_id.encode())
        return _decode(raw) if raw else ()

    def find(self, alert_id: str, grant_id: str) -> Grant | None:
        """Return one grant of an alert."""
        return next((each for each in self.of(alert_id) if each.id == grant_id), None)

    def keep(self, alert_id: str, grant: Grant, within: Transaction) -> None:
        """Keep a new or changed grant of an alert in a transaction."""
        key = alert_id.encode()
        raw = within.get(STORE, key)
        others = [each for each in (_decode(raw) if raw else ()) if each.id != grant.id]
        within.put(STORE, key, _encode((*others, grant)[-MOST:]))
