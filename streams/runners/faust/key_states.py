"""The supervision engine's key states in a partition: clear in memory, sealed per key in the changelog.

    key    "k" ‖ address
    value  msgpack [[[timeline, time], …], sealed state]

A restored state is decoded and opened when it is first asked for; a changed one is sealed when its transaction is
written, once, however often it changed in between. The index of what is due is kept in memory and made anew from the
states.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import msgspec

from security.labels import Label
from security.sealing import Sealer
from streams.runners.faust.state import PartitionState
from streams.supervision.keystate import Wake

KEY = b"k"
LABEL = Label(3)
_DOMAIN = b"casebus-state-v1\0"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[tuple[str, int]], bytes]).decode
_wakes_of = msgspec.msgpack.Decoder(tuple[list[tuple[str, int]], msgspec.Raw]).decode
NO_WAKES = b"\x92\x90"
"""How a value begins that wakes never: an array of two, the first of them empty."""


class KeyEntry(msgspec.Struct, gc=False, eq=False):
    """One key's state: sealed as it was restored, clear as it is worked with, or both.

    A partition holds very many of them and none refers back: the cycle collector need not walk them.
    """

    sealer: Sealer
    address: bytes
    wakes: Sequence[Wake]
    known: bytes | None
    sealed: bytes | None = None

    @property
    def clear(self) -> bytes:
        """The state; raises `SealBrokenError` where it was altered."""
        if self.known is None:
            assert self.sealed is not None
            self.known = self.sealer.open(self.sealed, _DOMAIN + self.address)
        return self.known

    def __repr__(self) -> str:
        return f"KeyEntry({self.address.hex()})"  # never the state: asyncio renders what it holds

    def pack(self) -> bytes:
        """Return the value for the changelog."""
        if self.sealed is None:
            assert self.known is not None
            sealer = self.sealer
            self.sealed = sealer.seal(sealer.name("state", LABEL), _DOMAIN + self.address, self.known)
        return _encode((self.wakes, self.sealed))


class PartitionKeyStates:
    """Key states over a partition's state; implements `KeyStatePort`."""

    def __init__(self, state: PartitionState, sealer: Sealer) -> None:
        self._state = state
        self._sealer = sealer
        self._heaps: dict[str, list[tuple[int, bytes]]] = {}
        for key, value in state.items():
            if key[:1] == KEY and type(value) is bytes and not value.startswith(NO_WAKES):
                for timeline, at in _wakes_of(value)[0]:
                    self._heaps.setdefault(timeline, []).append((at, key[1:]))
        for heap in self._heaps.values():
            heapq.heapify(heap)

    def expect(self, addresses: Sequence[bytes]) -> None:
        """Nothing is fetched: a partition's state stands in memory."""

    def get(self, address: bytes) -> bytes | None:
        """Return the state of a key, or None."""
        entry = self._entry(address)
        return None if entry is None else entry.clear

    def put(self, address: bytes, state: bytes, wakes: Sequence[Wake]) -> None:
        """Replace the state of a key and its entries in the due index."""
        self._state.put(KEY + address, KeyEntry(self._sealer, address, tuple(wakes), state))
        self._remember(address, wakes)

    def due(self, timeline: str, until: int) -> list[bytes]:
        """Return the addresses that are due; entries that were replaced since are forgotten."""
        heap, found = self._heaps.get(timeline, []), dict[bytes, None]()
        while heap and heap[0][0] <= until:
            at, address = heapq.heappop(heap)
            entry = self._entry(address)
            if entry is not None and (timeline, at) in entry.wakes:
                found[address] = None
        return list(found)

    def __len__(self) -> int:
        return sum(key.startswith(KEY) for key, _ in self._state.items())

    def _entry(self, address: bytes) -> KeyEntry | None:
        value = self._state.get(KEY + address)
        if isinstance(value, bytes):
            wakes, sealed = _decode(value)
            value = KeyEntry(self._sealer, address, wakes, None, sealed)
            self._state.unpack(KEY + address, value)
        assert value is None or isinstance(value, KeyEntry)
        return value

    def _remember(self, address: bytes, wakes: Sequence[Wake]) -> None:
        for timeline, at in wakes:
            heapq.heappush(self._heaps.setdefault(timeline, []), (at, address))
