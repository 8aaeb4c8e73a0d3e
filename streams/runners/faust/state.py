"""The state of one input partition: a map of bytes in memory, and what of it changed since it was last asked."""

from __future__ import annotations

from collections.abc import Iterator

Changes = dict[bytes, bytes | None]
"""Key → new value; None where the key was removed."""


class PartitionState:
    """A map of bytes whose changes are collected; one writer."""

    __slots__ = ("_changes", "_values")

    def __init__(self, values: dict[bytes, bytes] | None = None) -> None:
        self._values: dict[bytes, bytes] = {} if values is None else values
        self._changes: Changes = {}

    def get(self, key: bytes) -> bytes | None:
        """Return a value, changes included."""
        return self._values.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value; None removes it."""
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        self._changes[key] = value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every entry."""
        return iter(self._values.items())

    def drain(self) -> Changes:
        """Return what changed since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def __len__(self) -> int:
        return len(self._values)
