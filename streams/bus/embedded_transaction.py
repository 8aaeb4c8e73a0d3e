"""A transaction of the embedded bus: its changes are gathered in memory and written in one go when it ends."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from streams.bus.port import BusUnavailableError, Record

SHIFT = 40
AT_ONCE = 256

_encode = msgspec.msgpack.Encoder().encode

_Place = tuple[str, int]
"""Topic, partition."""


class EmbeddedTransaction:
    """What one transaction changes; its reads see that over what `connection` sees.

    `numbers` and `ends` are the bus's own: (topic, partition) → number, number → end.
    """

    def __init__(self, connection: sqlite3.Connection, numbers: Mapping[_Place, int], ends: Mapping[int, int]) -> None:
        self._connection, self._numbers, self._known_ends = connection, numbers, ends
        self._puts: dict[str, dict[bytes, bytes | None]] = defaultdict(dict)
        self._cleared: set[str] = set()
        self._positions: dict[tuple[str, str, int], int] = {}
        self._first: dict[_Place, int] = {}
        self._records: dict[_Place, list[Record]] = {}
        self.new_numbers: dict[_Place, int] = {}
        self.ends: dict[int, int] = {}

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append records; return the offset of the last one."""
        place = topic, partition
        if place not in self._first:
            self._first[place], self._records[place] = self._end(place), []
        self._records[place].extend(records)
        return self._first[place] + len(self._records[place]) - 1

    def send(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Append records."""
        self.append(topic, partition, records)

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a value, changes of this transaction included."""
        puts = self._puts[store]
        if key in puts or store in self._cleared:
            return puts.get(key)
        row = self._connection.execute("SELECT value FROM entry WHERE store=? AND key=?", (store, key)).fetchone()
        return None if row is None else row[0]

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that have one, changes of this transaction included."""
        puts = self._puts[store]
        changed = {key: puts[key] for key in keys if key in puts}
        unknown = [] if store in self._cleared else [key for key in keys if key not in changed]
        found = many(self._connection, store, unknown)
        return found | {key: value for key, value in changed.items() if value is not None}

    def put(self, store: str, key: bytes, value: bytes | None) -> None:
        """Set a value; None removes it."""
        self._puts[store][key] = value

    def clear(self, store: str) -> None:
        """Remove every entry of a store."""
        self._puts.pop(store, None)
        self._cleared.add(store)

    def scan(self, store: str, first: bytes, last: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` entries with first ≤ key < last."""
        own = {key: value for key, value in self._puts[store].items() if first <= key < last}
        stored: dict[bytes, bytes | None] = {}
        if store not in self._cleared:
            # As many more as may be hidden by what this transaction has put.
            rows = self._connection.execute(
                "SELECT key, value FROM entry WHERE store=? AND key>=? AND key<? ORDER BY key LIMIT ?",
                (store, first, last, limit + len(own)),
            )
            stored = dict(rows.fetchall())
        seen = sorted((key, value) for key, value in (stored | own).items() if value is not None)
        return seen[:limit]

    def advance(self, group: str, topic: str, partition: int, position: int) -> None:
        """Say that the group has processed everything below `position`."""
        self._positions[group, topic, partition] = position

    def flush(self, writer: sqlite3.Connection) -> None:
        """Write what was gathered, within the write transaction of `writer`.

        Raises:
            BusUnavailableError: somebody else appended to a partition since this transaction did.
        """
        self._write_entries(writer)
        writer.executemany(
            "INSERT INTO position VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET position=excluded.position",
            [(*place, position) for place, position in self._positions.items()],
        )
        for place, records in self._records.items():
            if self._end(place) != self._first[place]:
                raise BusUnavailableError(file="bus.db", reason="moved")
            number = self._number(writer, place)
            first = number << SHIFT | self._first[place]
            writer.executemany(
                "INSERT INTO record VALUES (?,?,?,?)",
                [(first + n, r.key, r.value, _encode(r.headers) if r.headers else None) for n, r in enumerate(records)],
            )
            self.ends[number] = self._first[place] + len(records)

    def _write_entries(self, writer: sqlite3.Connection) -> None:
        writer.executemany("DELETE FROM entry WHERE store=?", [(store,) for store in self._cleared])
        puts = [(store, key, value) for store, entries in self._puts.items() for key, value in entries.items()]
        writer.executemany("DELETE FROM entry WHERE store=? AND key=?", [(s, k) for s, k, v in puts if v is None])
        writer.executemany(
            "INSERT INTO entry VALUES (?,?,?) ON CONFLICT DO UPDATE SET value=excluded.value",
            [each for each in puts if each[2] is not None],
        )

    def _end(self, place: _Place) -> int:
        return self._known_ends.get(self._numbers.get(place, -1), 0)

    def _number(self, writer: sqlite3.Connection, place: _Place) -> int:
        number = self._numbers.get(place)
        if number is None:
            number = int(writer.execute("INSERT INTO partition (topic, partition) VALUES (?,?)", place).lastrowid or 0)
            self.new_numbers[place] = number
        return number


def many(connection: sqlite3.Connection, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the values of those keys that have one: one query for up to `AT_ONCE` keys."""
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        query = f"SELECT key, value FROM entry WHERE store=? AND key IN ({','.join('?' * len(some))})"  # noqa: S608 - placeholders only
        found.update(connection.execute(query, (store, *some)).fetchall())
    return found
