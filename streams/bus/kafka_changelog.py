"""A worker's stores and positions as one compacted partition, and what they add up to in memory.

    key  msgpack [store, key]                  value: the entry; none where it was removed
    key  msgpack [group, topic, partition]     value: msgpack position

They are written in the transaction of the outputs they belong to, so the partition read to its last stable offset is
what the worker knew after its last committed step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode

Place = tuple[str, str, int]
"""Group, topic, partition."""

Row = tuple[bytes, bytes | None]
"""A changelog record: its key, and its value or none where the entry was removed."""

POSITION = 3
"""Parts of a position's key; an entry's has two."""


@dataclass
class Changes:
    """What a step changes: entries (None: removed) and positions."""

    entries: dict[str, dict[bytes, bytes | None]] = field(default_factory=dict)
    positions: dict[Place, int] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        """Render the changes as changelog records."""
        rows: list[Row] = [
            (_pack((store, key)), value) for store, changed in self.entries.items() for key, value in changed.items()
        ]
        return rows + [(_pack(place), _pack(position)) for place, position in self.positions.items()]


@dataclass
class Stores:
    """What a worker knows: its stores and positions, whole in memory."""

    entries: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    positions: dict[Place, int] = field(default_factory=dict)

    def apply(self, changes: Changes) -> None:
        """Take over the changes of a committed step."""
        for store, changed in changes.entries.items():
            held = self.entries.setdefault(store, {})
            for key, value in changed.items():
                if value is None:
                    held.pop(key, None)
                else:
                    held[key] = value
        self.positions.update(changes.positions)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take over changelog records, in order."""
        for key, value in rows:
            name: list[Any] = _unpack(key)
            if len(name) == POSITION:
                self.positions[name[0], name[1], name[2]] = _unpack(value or _pack(0))
            elif value is None:
                self.entries.get(name[0], {}).pop(name[1], None)
            else:
                self.entries.setdefault(name[0], {})[name[1]] = value

    def sorted(self, store: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries of a store in key order."""
        yield from sorted(self.entries.get(store, {}).items())
