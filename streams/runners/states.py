"""The supervision engine's key states on the bus: sealed values, and an index of what is due.

    supervise.state   address → msgpack [[[timeline, time], …], sealed state]
    supervise.due     timeline digest 8 ‖ time 8 (big endian, offset by 2^63) ‖ address → empty

A timeline is the gateway's clock or a source; its digest only makes the keys of one timeline one range. Everything is
changed in the runner's transaction, together with the alerts it publishes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from security.labels import RESTRICTED, Label
from security.sealing import Sealer
from streams.bus.port import Transaction
from streams.supervision.keystate import Wake

STATE = "supervise.state"
DUE = "supervise.due"
STATE_LABEL = Label(RESTRICTED)
TIMELINE_LENGTH = 8
HEAD = TIMELINE_LENGTH + 8
OFFSET = 1 << 63
EVERYTHING = 1 << 30
_DOMAIN = b"casebus-state-v1\0"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[tuple[str, int]], bytes]).decode


class BusKeyStates:
    """Key states within one transaction of the bus; implements `KeyStatePort`."""

    def __init__(self, change: Transaction, sealer: Sealer) -> None:
        self._change = change
        self._sealer = sealer
        self._met: dict[bytes, bytes | None] = {}

    def expect(self, addresses: Sequence[bytes]) -> None:
        """Fetch the states of several keys by few queries."""
        self._met = {**dict.fromkeys(addresses), **self._change.get_many(STATE, addresses)}

    def get(self, address: bytes) -> bytes | None:
        """Open the state of a key; raises `SealBrokenError` where it was altered."""
        if address not in self._met:
            self._met[address] = self._change.get(STATE, address)
        stored = self._met[address]
        if stored is None:
            return None
        return self._sealer.open(_decode(stored)[1], _DOMAIN + address)

    def put(self, address: bytes, state: bytes, wakes: Sequence[Wake]) -> None:
        """Seal and replace the state of a key and all its entries in the due index."""
        change = self._change
        # A key is read before it is written: what was read is what its old entries in the index are taken from.
        before = self._met[address] if address in self._met else change.get(STATE, address)
        old = {due_key(timeline, at, address) for timeline, at in _decode(before)[0]} if before else set()
        new = {due_key(timeline, at, address) for timeline, at in wakes}
        for key in old - new:
            change.put(DUE, key, None)
        for key in new - old:
            change.put(DUE, key, b"")
        sealed = self._sealer.seal(self._sealer.name("state", STATE_LABEL), _DOMAIN + address, state)
        self._met[address] = _encode((list(wakes), sealed))
        change.put(STATE, address, self._met[address])

    def due(self, timeline: str, until: int) -> list[bytes]:
        """Return the addresses with an entry on `timeline` at or before `until`."""
        first, last = due_key(timeline, -OFFSET, b""), due_key(timeline, until + 1, b"")
        return [key[HEAD:] for key, _ in self._change.scan(DUE, first, last, EVERYTHING)]


def due_key(timeline: str, at: int, address: bytes) -> bytes:
    """Return the key of an entry in the due index: entries of a timeline sort by time."""
    return _timeline(timeline) + (at + OFFSET).to_bytes(8, "big") + address


@lru_cache(maxsize=4096)
def _timeline(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:TIMELINE_LENGTH]
