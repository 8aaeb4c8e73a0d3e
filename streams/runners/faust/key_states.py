"""The supervision engine's key states in a partition: clear in memory, sealed per key in the changelog.

    key    "k" ‖ address
    value  msgpack [[[timeline, time], …], sealed state]

A restored state is decoded and opened when it is asked for; a changed one is sealed when its transaction is written,
once, however often it changed in between. The index of what is due is made anew from the states.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from security.labels import Label
from security.sealing import Sealer
from streams.runners.faust.due_index import DueIndex
from streams.runners.faust.state import PartitionState, Value
from streams.supervision.keystate import Wake

KEY = b"k"
LABEL = Label(3)
_DOMAIN = b"casebus-state-v1\0"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[tuple[str, int]], bytes]).decode
_wakes_of = msgspec.msgpack.Decoder(tuple[list[tuple[str, int]], msgspec.Raw]).decode
NO_WAKES = b"\x92\x90"
"""How a value begins that wakes never: an array of two, the first of them empty."""
ENTRY_BYTES, WAKE_BYTES = 360, 150
"""What an entry, and each time it waits for, take in memory beside the state's own bytes."""


class KeyEntry(msgspec.Struct, gc=False, eq=False):
    """One key's state as it is worked with: clear, and sealed too once it was written.

    A partition holds very many of them and none refers back: the cycle collector need not walk them.
    """

    sealer: Sealer
    address: bytes
    wakes: Sequence[Wake]
    clear: bytes
    sealed: bytes | None = None

    @property
    def weight(self) -> int:
        """What it takes in memory: both forms, and what it waits for."""
        return ENTRY_BYTES + WAKE_BYTES * len(self.wakes) + 2 * len(self.clear)

    def __repr__(self) -> str:
        return f"KeyEntry({self.address.hex()})"  # never the state: asyncio renders what it holds

    def pack(self) -> bytes:
        """Return the value for the changelog."""
        if self.sealed is None:
            sealer = self.sealer
            self.sealed = sealer.seal(sealer.name("state", LABEL), _DOMAIN + self.address, self.clear)
        return _encode((self.wakes, self.sealed))


class PartitionKeyStates:
    """Key states over a partition's state; implements `KeyStatePort`."""

    def __init__(self, state: PartitionState, sealer: Sealer) -> None:
        self._state = state
        self._sealer = sealer
        self._due = DueIndex(state)
        self._told: dict[bytes, set[Wake]] = {}
        """What `due` took out of the index and told, until the key is put again."""
        for key, value in state.items():
            if key[:1] == KEY:
                for timeline, at in _wakes(value):
                    self._due.add(timeline, at, key[1:])

    def expect(self, addresses: Sequence[bytes]) -> None:
        """Fetch together what has no room in memory."""
        if self._state.spilled:
            self._state.expect([KEY + address for address in addresses])

    def get(self, address: bytes) -> bytes | None:
        """Return the state of a key, or None; raises `SealBrokenError` where it was altered."""
        value = self._state.get(KEY + address)
        if isinstance(value, bytes):
            return self._sealer.open(_decode(value)[1], _DOMAIN + address)
        assert value is None or isinstance(value, KeyEntry)
        return None if value is None else value.clear

    def put(self, address: bytes, state: bytes, wakes: Sequence[Wake]) -> None:
        """Replace the state of a key and its entries in the due index: what stands there already is not added."""
        key, waits = KEY + address, tuple(wakes)
        there = _wakes(self._state.get(key))
        told = self._told.pop(address, ())
        for wake in waits:
            if wake not in there or wake in told:
                self._due.add(*wake, address)
        self._state.put(key, KeyEntry(self._sealer, address, waits, state))

    def due(self, timeline: str, until: int) -> list[bytes]:
        """Return the addresses that are due; entries that were replaced since are forgotten."""
        taken = self._due.take(timeline, until)
        if not taken:
            return []
        self.expect([address for _, address in taken])
        found = dict[bytes, None]()
        for at, address in taken:
            if (timeline, at) in _wakes(self._state.get(KEY + address)):
                found[address] = None
                self._told.setdefault(address, set()).add((timeline, at))
        return list(found)

    def __len__(self) -> int:
        return sum(key.startswith(KEY) for key, _ in self._state.items())


def _wakes(value: Value | None) -> Sequence[Wake]:
    """Return what a key waits for."""
    if value is None or (isinstance(value, bytes) and value.startswith(NO_WAKES)):
        return ()
    if isinstance(value, bytes):
        return _wakes_of(value)[0]
    assert isinstance(value, KeyEntry)
    return value.wakes
