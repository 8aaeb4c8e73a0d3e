"""The bus as ports, each as small as what its users need.

A topic has partitions; a partition is a sequence of records with rising offsets. Whoever reads goes on one past the
last offset it was given and compares with `end`; it never counts offsets, for a bus may use some up itself.

    Reader     read, end, topics, partitions              projections, control followers, whoever looks
    Appender   append                                     whoever only writes, such as the audit replica
    Bus        both, and a worker's own: stores,          gateway, release, supervision, desk
               positions, transactions

A *store* is a named map of bytes that belongs to one worker (its state); a *position* says how far a group has come.
One transaction appends outputs, changes stores and advances positions: all of it is durable when the transaction ends,
or none of it happened. Stores, positions and transactions are one worker's: on the embedded bus the node's, on Kafka
those of whoever holds the worker's name (ADR 0011).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from schemas.errors import UnavailableError


class BusUnavailableError(UnavailableError):
    """The bus cannot take or give records now; what it acknowledged is kept."""

    code: ClassVar[str] = "bus.unavailable"


class BusFullError(UnavailableError):
    """The disk of the bus is full; nothing of the refused transaction was written."""

    code: ClassVar[str] = "bus.full"
    http_status: ClassVar[int] = 507


@dataclass(frozen=True, slots=True)
class Record:
    """What is appended: a key (a keyed digest or an id, never a case number), a value, headers."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What is read back: a record and its offset in its partition."""

    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Transaction(Protocol):
    """Changes that become durable together."""

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append records; return the offset of the last one, or the end minus one where there are none."""
        ...

    def send(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Append records whose offset nobody asks for: they are acknowledged when the transaction ends."""
        ...

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a value of a store, changes of this transaction included."""
        ...

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys of a store that have one, changes of this transaction included."""
        ...

    def put(self, store: str, key: bytes, value: bytes | None) -> None:
        """Set a value of a store; None removes it."""
        ...

    def clear(self, store: str) -> None:
        """Remove every entry of a store."""
        ...

    def scan(self, store: str, first: bytes, last: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` entries with first ≤ key < last, in key order."""
        ...

    def advance(self, group: str, topic: str, partition: int, position: int) -> None:
        """Say that the group has processed everything below `position`."""
        ...


class Reader(Protocol):
    """Reads what is durable and committed, nothing else."""

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Stored]:
        """Return up to `limit` records from `offset` on; an unknown topic is empty."""
        ...

    def end(self, topic: str, partition: int) -> int:
        """Return one past the offset of the last record that can be read, 0 where there is none."""
        ...

    def topics(self, prefix: str) -> list[str]:
        """Name the topics that begin with `prefix`, in order."""
        ...

    def partitions(self, topic: str) -> int:
        """Return over how many partitions records of a topic are spread: 0 up to one less than that; never changes."""
        ...


class Appender(Protocol):
    """Appends records."""

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append durably and in order; return the offset of the last record.

        Where it raises, some of the first records may stand: whoever needs all or none uses a transaction.
        """
        ...


class Bus(Reader, Appender, Protocol):
    """The bus as one worker has it: with its stores, positions and exactly-once steps."""

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a durable value of a store."""
        ...

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the durable values of those keys of a store that have one."""
        ...

    def entries(self, store: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield all durable entries of a store in key order."""
        ...

    def position(self, group: str, topic: str, partition: int) -> int:
        """Return how far the group has come: everything below this offset is processed."""
        ...

    def transaction(self, *, owned: bool = False) -> AbstractContextManager[Transaction]:
        """Open a transaction; leaving the block by an exception leaves nothing behind.

        `owned`: nobody else changes the stores it reads or the topics it appends to, so that others may write while it
        is still being gathered.
        """
        ...

    def close(self) -> None:
        """Release what the bus holds open."""
        ...
