"""The supervision engine's key states in a partition: clear in memory, sealed per key in the changelog.

    key    "k" ‖ address
    value  msgpack [[[timeline, time], …], sealed state]

A restored state is opened when it is first asked for; a changed one is sealed when its transaction is written, once,
however often it changed in between. The index of what is due is kept in memory and made anew from the states.
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


class KeyEntry:
    """One key's state: sealed as it was restored, clear as it is worked with, or both."""

    __slots__ = ("_address", "_clear", "_sealed", "_sealer", "wakes")

    def __init__(
        self, sealer: Sealer, address: bytes, wakes: Sequence[Wake], clear: bytes | None, sealed: bytes | None = None
    ) -> None:
        self.wakes = wakes
        self._sealer = sealer
        self._address = address
        self._clear = clear
        self._sealed = sealed

    @property
    def clear(self) -> bytes:
        """The state; raises `SealBrokenError` where it was altered."""
        if self._clear is None:
            assert self._sealed is not None
            self._clear = self._sealer.open(self._sealed, _DOMAIN + self._address)
        return self._clear

    def pack(self) -> bytes:
        """Return the value for the changelog."""
        if self._sealed is None:
            assert self._clear is not None
            sealer = self._sealer
            self._sealed = sealer.seal(sealer.name("state", LABEL), _DOMAIN + self._address, self._clear)
        return _encode((self.wakes, self._sealed))


class PartitionKeyStates:
    """Key states over a partition's state; implements `KeyStatePort`."""

    def __init__(self, state: PartitionState, sealer: Sealer) -> None:
        self._state = state
        self._sealer = sealer
        self._heaps: dict[str, list[tuple[int, bytes]]] = {}
        for key, value in list(state.items()):
            if key.startswith(KEY) and isinstance(value, bytes):
                self._restore(key, value)

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
        assert value is None or isinstance(value, KeyEntry)
        return value

    def _restore(self, key: bytes, value: bytes) -> None:
        wakes, sealed = _decode(value)
        address = key[len(KEY) :]
        self._state.unpack(key, KeyEntry(self._sealer, address, wakes, None, sealed))
        self._remember(address, wakes)

    def _remember(self, address: bytes, wakes: Sequence[Wake]) -> None:
        for timeline, at in wakes:
            heapq.heappush(self._heaps.setdefault(timeline, []), (at, address))
