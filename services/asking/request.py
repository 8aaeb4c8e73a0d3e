"""One request for a subscription, and its life: pending until granted, declined or withdrawn. Kept on the bus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from services.asking.wish import Wish
from services.gateway.commit import Along
from streams.bus.port import Bus, Transaction

STORE: Final = "gateway.requests"
State = Literal["pending", "approved", "granted", "declined", "withdrawn"]
"""`approved` is what a request is between its last approval and its control record."""
REASONS: Final = ("basis", "purpose", "too_wide", "agreement", "other")
"""Why a request may be declined: codes."""


class Approval(msgspec.Struct, array_like=True, frozen=True):
    """One person's approval of exactly what was `seen` (a digest), at `at`; `seq` is its audit record."""

    account: str
    seen: str
    at: int
    seq: int


class Request(msgspec.Struct, array_like=True, frozen=True):
    """A request; `asker` is whose token asked, `reason` the code where it was declined."""

    id: str
    wish: Wish
    asker: str
    at: int
    state: State = "pending"
    approvals: tuple[Approval, ...] = ()
    reason: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Request).decode


class Requests:
    """All requests of a gateway, durable on its bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def get(self, request_id: str) -> Request | None:
        """Return a request."""
        kept = self._bus.get(STORE, request_id.encode())
        return _decode(kept) if kept else None

    def all(self) -> Iterator[Request]:
        """Yield every request, by id."""
        for _, value in self._bus.entries(STORE):
            yield _decode(value)


def put(change: Transaction, request: Request) -> None:
    """Set a request in a transaction."""
    change.put(STORE, request.id.encode(), _encode(request))


def keeping(request: Request) -> Along.Put:
    """Return what sets a request in the step of its audit record."""

    def keep(change: Transaction, seq: int) -> None:
        del seq
        put(change, request)

    return keep
