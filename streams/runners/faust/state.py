"""The state of one input partition: a map with one writer, and what of it changed since it was last asked.

A value is bytes, or something that packs itself into bytes when it has to be durable: so that a key which changes ten
times within a transaction is encoded and sealed once.

Where a worker's states have a room, a partition holds no more than its share of it in memory. What was put longest ago
goes to the partition's file then, packed, and is fetched from there when it is asked for. The file is an extension of
memory: the changelog alone outlives the process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from streams.runners.faust.room import Room, SpillFile
from streams.runners.faust.spilled import SpilledValues

ENTRY_BYTES = 180
"""What an entry takes beside its value's own bytes: key, objects' heads, its part of the table."""
BULK_BYTES = 1 << 20
"""What is moved to the file at a time, at most; and at least, where the share is not small."""


class Packed(Protocol):
    """A value that is made bytes only when it is written."""

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes, packed or not; it never changes."""
        ...

    def pack(self) -> bytes:
        """Return the bytes to be written; the same value gives the same state when it is restored."""
        ...


Value = bytes | Packed
Changes = dict[bytes, Value | None]
"""Key → new value; None where the key was removed."""


class PartitionState:
    """A map whose changes are collected; one writer. `reads` counts the values fetched from the file."""

    __slots__ = ("_changes", "_fetched", "_file", "_room", "_shadowed", "_spilled", "_values", "_weight", "reads")

    def __init__(self, values: Mapping[bytes, Value] | None = None, room: Room | None = None) -> None:
        self._values: dict[bytes, Value] = {}
        """In memory, what was put longest ago first."""
        self._weight = 0
        self._changes: Changes = {}
        self._room = room
        self._file: SpillFile | None = None
        self._spilled: SpilledValues | None = None
        """Only where something stands in the file: elsewhere nobody has to ask it."""
        self._shadowed: set[bytes] = set()
        """Keys in memory of which the file holds an older value."""
        self._fetched: dict[bytes, bytes | None] = {}
        """What the file answered since the last trim; it holds for keys that memory does not have."""
        self.reads = 0
        if room is not None:
            room.enter()
        self.load((values or {}).items())

    @property
    def room(self) -> Room | None:
        """What bounds it."""
        return self._room

    @property
    def weight(self) -> int:
        """About how many bytes of memory its values take."""
        return self._weight

    @property
    def held(self) -> int:
        """How many values stand in memory."""
        return len(self._values)

    @property
    def spilled(self) -> int:
        """How many values stand in the file alone."""
        there = self._spilled  # metrics ask from a thread of their own
        return 0 if there is None else there.rows - len(self._shadowed)

    @property
    def file_bytes(self) -> int:
        """How large the file is."""
        file = self._file
        return 0 if file is None else file.size

    def get(self, key: bytes) -> Value | None:
        """Return a value, changes included."""
        value = self._values.get(key)
        if value is None and self._spilled is not None:
            return self._from_file(key)
        return value

    def read(self, key: bytes) -> bytes | None:
        """Return a value that is plain bytes."""
        value = self.get(key)
        assert value is None or isinstance(value, bytes)
        return value

    def expect(self, keys: Iterable[bytes]) -> None:
        """Fetch together what of these keys stands in the file."""
        if self._spilled is None:
            return
        values, fetched = self._values, self._fetched
        wanted = [key for key in dict.fromkeys(keys) if key not in values and key not in fetched]
        found = self._spilled.read(wanted)
        self.reads += len(found)
        for key in wanted:
            fetched[key] = found.get(key)

    def put(self, key: bytes, value: Value | None) -> None:
        """Set a value; None removes it."""
        self._set(key, value)
        self._changes[key] = value

    def load(self, rows: Iterable[tuple[bytes, Value | None]]) -> None:
        """Take over what the changelog says, in its order; that is no change."""
        if self._spilled is not None:
            rows = list(rows)
            self.expect(key for key, _ in rows)
        for key, value in rows:
            self._set(key, value)
        self.trim()

    def clear(self, prefix: bytes) -> None:
        """Remove every entry whose key begins with `prefix`."""
        if self._spilled is not None:
            self._changes.update(dict.fromkeys(self._spilled.keys(prefix)))
            self._spilled.clear(prefix)
            self._shadowed = {key for key in self._shadowed if not key.startswith(prefix)}
            self._fetched.clear()
        for key in [key for key in self._values if key.startswith(prefix)]:
            self.put(key, None)

    def items(self) -> Iterator[tuple[bytes, Value]]:
        """Yield every entry."""
        if self._spilled is not None:
            yield from ((key, value) for key, value in self._spilled.items() if key not in self._shadowed)
        yield from self._values.items()

    def drain(self) -> Changes:
        """Return what changed since the last call; make room."""
        changes, self._changes = self._changes, {}
        self.trim()
        return changes

    def trim(self) -> None:
        """Move what was put longest ago to the file until the share is kept; what is not drained yet stays."""
        if self._fetched:
            self._fetched.clear()
        if self._room is None or self._weight <= self._room.share:
            return
        share = self._room.share
        goal = share - min(share // 16, BULK_BYTES)
        while self._weight > goal and (rows := self._oldest(goal)):
            self._spill(rows)

    def file(self) -> SpillFile | None:
        """Return the file beside the memory, made when it is first asked for; None where memory has no bound."""
        if self._file is None and self._room is not None:
            self._file = SpillFile(self._room.folder)
        return self._file

    def close(self) -> None:
        """Give back file and share; nothing is asked of it any more."""
        if self._room is not None:
            self._room.leave()
            self._room = None
        if self._file is not None:
            self._file.close()
            self._file = self._spilled = None

    def _set(self, key: bytes, value: Value | None) -> None:
        old = self._values.pop(key, None)
        if old is not None:
            self._weight -= weight_of(old)
        elif self._spilled is not None and self._from_file(key) is not None:
            self._shadowed.add(key)
        if value is not None:
            self._values[key] = value
            self._weight += weight_of(value)
        elif key in self._shadowed:
            assert self._spilled is not None
            self._spilled.remove(key)
            self._shadowed.discard(key)
            self._fetched.pop(key, None)

    def _from_file(self, key: bytes) -> bytes | None:
        if key not in self._fetched:
            self.expect((key,))
        return self._fetched[key]

    def _oldest(self, goal: int) -> list[tuple[bytes, Value]]:
        """Choose what goes: as much as is above the goal, and no more than is moved at a time."""
        rows, left, changes = [], min(self._weight - goal, BULK_BYTES), self._changes
        for key, value in self._values.items():
            if left <= 0:
                break
            if key not in changes:
                rows.append((key, value))
                left -= weight_of(value)
        return rows

    def _spill(self, rows: list[tuple[bytes, Value]]) -> None:
        written = [(key, value if isinstance(value, bytes) else value.pack()) for key, value in rows]
        if self._spilled is None:
            file = self.file()
            assert file is not None
            self._spilled = SpilledValues(file)
        self._spilled.write(written, sum(key not in self._shadowed for key, _ in rows))
        self._shadowed.difference_update(key for key, _ in rows)
        for key, value in rows:
            del self._values[key]
            self._weight -= weight_of(value)

    def __len__(self) -> int:
        return len(self._values) + self.spilled


def weight_of(value: Value) -> int:
    """Return about how many bytes of memory a value takes, with its key."""
    return ENTRY_BYTES + (len(value) if isinstance(value, bytes) else value.weight)


def packed(value: Value | None) -> bytes | None:
    """Return a value as it is written."""
    return value if value is None or isinstance(value, bytes) else value.pack()
