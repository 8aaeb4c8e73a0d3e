"""The state of one input partition: a map in memory, and what of it changed since it was last asked.

A value is bytes, or something that packs itself into bytes when it has to be durable: so that a key which changes ten
times within a transaction is encoded and sealed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Packed(Protocol):
    """A value that is made bytes only when it is written."""

    def pack(self) -> bytes:
        """Return the bytes to be written; the same value gives the same state when it is restored."""
        ...


Value = bytes | Packed
Changes = dict[bytes, Value | None]
"""Key → new value; None where the key was removed."""


class PartitionState:
    """A map whose changes are collected; one writer."""

    __slots__ = ("_changes", "_values")

    def __init__(self, values: dict[bytes, Value] | None = None) -> None:
        self._values: dict[bytes, Value] = {} if values is None else values
        self._changes: Changes = {}

    def get(self, key: bytes) -> Value | None:
        """Return a value, changes included."""
        return self._values.get(key)

    def read(self, key: bytes) -> bytes | None:
        """Return a value that is plain bytes."""
        value = self._values.get(key)
        assert value is None or isinstance(value, bytes)
        return value

    def put(self, key: bytes, value: Value | None) -> None:
        """Set a value; None removes it."""
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        self._changes[key] = value

    def unpack(self, key: bytes, value: Packed) -> None:
        """Replace restored bytes by what they stand for; that is no change."""
        self._values[key] = value

    def clear(self, prefix: bytes) -> None:
        """Remove every entry whose key begins with `prefix`."""
        for key in [key for key in self._values if key.startswith(prefix)]:
            self.put(key, None)

    def items(self) -> Iterator[tuple[bytes, Value]]:
        """Yield every entry."""
        return iter(self._values.items())

    def drain(self) -> Changes:
        """Return what changed since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def __len__(self) -> int:
        return len(self._values)


def packed(value: Value | None) -> bytes | None:
    """Return a value as it is written."""
    return value if value is None or isinstance(value, bytes) else value.pack()
