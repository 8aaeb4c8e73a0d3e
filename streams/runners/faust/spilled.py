"""The values of a partition that stand in its file: exactly the bytes that its changelog holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.runners.faust.room import SpillFile

TABLE = "value"
COLUMNS = "(key BLOB PRIMARY KEY, value BLOB NOT NULL)"
"""An ordinary table: with WITHOUT ROWID the states of cases, some 700 bytes, took twice as long to insert."""
ASKED = 256
"""Keys of one query: one statement for every full one, so that it is prepared once."""

_INSERT = "INSERT INTO value VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_DELETE = "DELETE FROM value WHERE key = ?"
_KEYS = "SELECT key FROM value WHERE substr(key, 1, ?) = ?"
_CLEAR = "DELETE FROM value WHERE substr(key, 1, ?) = ?"
_ALL = "SELECT key, value FROM value"


class SpilledValues:
    """A map in a file; `rows` counts its keys, the caller says which of those it writes are new."""

    __slots__ = ("_file", "rows")

    def __init__(self, file: SpillFile) -> None:
        file.make(TABLE, COLUMNS)
        self._file = file
        self.rows = 0

    def write(self, rows: list[tuple[bytes, bytes]], new: int) -> None:
        """Set values; sorted, so that neighbours are written together."""
        self._file.change(_INSERT, sorted(rows))
        self.rows += new

    def read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return what is there of these keys."""
        found: dict[bytes, bytes] = {}
        for at in range(0, len(keys), ASKED):
            some = keys[at : at + ASKED]
            query = f"{_ALL} WHERE key IN ({', '.join('?' * len(some))})"
            found.update(self._file.find(query, some))
        return found

    def remove(self, key: bytes) -> None:
        """Remove a key, if it is there."""
        self.rows -= self._file.change(_DELETE, [(key,)])

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the keys that begin so."""
        return (key for (key,) in self._file.walk(_KEYS, (len(prefix), prefix)))

    def clear(self, prefix: bytes) -> None:
        """Remove the keys that begin so."""
        self.rows -= self._file.change(_CLEAR, [(len(prefix), prefix)])

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield everything."""
        return self._file.walk(_ALL)
