"""Where the state of keys lives: a port, the bytes of a state, and a port in memory.

The state of a key is everything the engine needs to fold it again: its facts and the alerts it last published. Sealing
is the store's business; the engine names a key by an address, which the caller makes a keyed digest.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from streams.supervision.fact import Fact
from streams.supervision.finding import Severity, State

CLOCK = ""
"""The timeline of the gateway's clock; every other timeline is a source, and its time is that source's mark."""

Wake = tuple[str, int]
"""(timeline, time): look at the key again once that timeline has reached the time."""


class KeyStatePort(Protocol):
    """Storage of key states with an index of what is due. One writer."""

    def expect(self, addresses: Sequence[bytes]) -> None:
        """Take note of the keys that are asked for next: a store on a disk fetches them together."""
        ...

    def get(self, address: bytes) -> bytes | None:
        """Return the state of a key, or None."""
        ...

    def put(self, address: bytes, state: bytes, wakes: Sequence[Wake]) -> None:
        """Replace the state of a key and all its entries in the due index."""
        ...

    def due(self, timeline: str, until: int) -> Iterable[bytes]:
        """Return the addresses with an entry on `timeline` at or before `until`; each is put again afterwards."""
        ...


class Published(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was last published of an alert that is not over."""

    model: str
    state: State
    severity: Severity
    subject: str
    district: str
    unit: str
    opened_at: int
    due_at: int | None
    closed_at: int | None
    reported_at: int | None


class KeyState(msgspec.Struct, array_like=True):
    """The state of one key. Its facts hold no more fields than the models of its space ask for."""

    v: int
    space: str
    key: str
    facts: list[Fact]
    published: dict[str, Published]


VERSION = 1
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(KeyState).decode


class MemoryKeyState:
    """Key states in memory, for tests, trials and small folds."""

    def __init__(self) -> None:
        self.states: dict[bytes, bytes] = {}
        self.wakes: dict[bytes, frozenset[Wake]] = {}
        self._heaps: dict[str, list[tuple[int, bytes]]] = {}

    def expect(self, addresses: Sequence[bytes]) -> None:
        """Nothing is fetched from memory."""

    def get(self, address: bytes) -> bytes | None:
        """Return the state of a key, or None."""
        return self.states.get(address)

    def put(self, address: bytes, state: bytes, wakes: Sequence[Wake]) -> None:
        """Replace the state of a key and its entries."""
        self.states[address] = state
        self.wakes[address] = frozenset(wakes)
        for timeline, at in wakes:
            heapq.heappush(self._heaps.setdefault(timeline, []), (at, address))

    def due(self, timeline: str, until: int) -> list[bytes]:
        """Return the addresses that are due; entries that were replaced since are forgotten."""
        heap, found = self._heaps.get(timeline, []), dict[bytes, None]()
        while heap and heap[0][0] <= until:
            at, address = heapq.heappop(heap)
            if (timeline, at) in self.wakes.get(address, ()):
                found[address] = None
        return list(found)
