"""What became of a dead letter: open until it is mended, re-driven or closed. The letter itself is never removed.

| state | because |
|---|---|
| open | it waits for somebody |
| mended | its event was sent again and taken, under the same id |
| redriven | it was sent on its way from where it lies |
| closed | its publisher, or the operator, said that nothing will come of it, and why |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from streams.bus.port import Bus, Transaction

STORE: Final = "gateway.letters"
State = Literal["open", "mended", "redriven", "closed"]
REASONS: Final = ("corrected", "duplicate", "withdrawn", "not_ours", "other")
"""Why a letter may be closed: codes, for a reason in free words could hold what the event says."""


class LetterState(msgspec.Struct, array_like=True, frozen=True):
    """The end of one letter.

    Attributes:
        at: the gateway's clock, microseconds. seq: number of the audit record.
        reason: a code of `REASONS` where closed.
    """

    state: State
    at: int
    seq: int
    reason: str = ""


OPEN: Final = LetterState("open", 0, 0)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LetterState).decode


class LetterStates:
    """The states of all letters, durable on the bus; a letter that is not here is open."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def of(self, number: int) -> LetterState:
        """Return the state of a letter."""
        kept = self._bus.get(STORE, _key(number))
        return _decode(kept) if kept else OPEN

    def all(self) -> Mapping[int, LetterState]:
        """Return number → state of every letter that is not open."""
        return {int.from_bytes(key, "big"): _decode(value) for key, value in self._bus.entries(STORE)}


def put_state(change: Transaction, number: int, state: LetterState) -> None:
    """Set the state of a letter in a transaction."""
    change.put(STORE, _key(number), _encode(state))


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")
