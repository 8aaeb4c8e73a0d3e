"""The replica of a node's audit log on the bus: `casebus.audit.<node>`, one record a group of the log.

    key     number of the group's first record, 8 bytes big endian
    value   the group's bytes as they stand in the segment: frames and commit
    header  `size`: number of records behind the group, 8 bytes big endian

A group may stand twice after a failure; its key tells. Nothing clear is in it that the log does not hold: digests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from security.audit.errors import ReplicaDiffersError
from security.audit.log import AuditLog
from security.audit.replica import Copied, lacking
from streams.bus.port import Appender, Reader, Record

PREFIX = "casebus.audit."
PARTITION = 0
SIZE = "size"
PAGE = 64
WIDTH = 8


class BusReplica:
    """Implements `Replica` over a bus; the groups of one log, in order."""

    def __init__(self, reader: Reader, appender: Appender, node: str) -> None:
        self.topic = PREFIX + node
        self._reader = reader
        self._appender = appender
        self._lock = threading.Lock()
        self._waiting: dict[int, Copied] = {}

    def size(self) -> int:
        """Return how many records the replica has."""
        end = self._reader.end(self.topic, PARTITION)
        newest = self._reader.read(self.topic, PARTITION, max(0, end - 1), 1)
        return max((_size(each.headers) for each in newest), default=0)

    def keep(self, groups: Sequence[Copied]) -> None:
        """Return when every broker in step has the groups; what failed before goes first."""
        with self._lock:
            self._waiting.update({group.first: group for group in groups})
            # Another caller's groups may come in between, never a gap: each caller waits here for its own.
            waiting = [self._waiting[first] for first in sorted(self._waiting)]
            self._appender.append(self.topic, PARTITION, [_record(group) for group in waiting])
            self._waiting.clear()

    def groups(self) -> Iterator[Copied]:
        """Yield what the replica has, in the order it came; a repeated group is left out."""
        position, seen = 0, 0
        while stored := self._reader.read(self.topic, PARTITION, position, PAGE):
            position = stored[-1].offset + 1
            for each in stored:
                group = Copied(int.from_bytes(each.key), _size(each.headers), each.value)
                if group.size > seen:
                    seen = group.size
                    yield group


def compare(directory: Path, replica: BusReplica) -> int:
    """Hold a log against its replica, byte for byte; return the number of records both have.

    Raises:
        ReplicaDiffersError: a group differs, or the log ends before its replica does.
    """
    ours = {group.first: group for group in lacking(directory, Nothing())}
    same = 0
    for theirs in replica.groups():
        if ours.get(theirs.first) != theirs:
            raise ReplicaDiffersError(seq=theirs.first)
        same = theirs.size
    return same


def replicated(log: AuditLog, reader: Reader, appender: Appender, node: str) -> AuditLog:
    """Give a log that was just opened its replica; raises `KafkaUnavailableError` where it cannot be had."""
    log.replicate(BusReplica(reader, appender, node))
    return log


class Nothing:
    """A replica that has nothing."""

    def size(self) -> int:
        """Return zero."""
        return 0

    def keep(self, groups: Sequence[Copied]) -> None:
        """Keep nothing."""
        del groups


def _record(group: Copied) -> Record:
    return Record(group.first.to_bytes(WIDTH), group.content, ((SIZE, group.size.to_bytes(WIDTH)),))


def _size(headers: Sequence[tuple[str, bytes]]) -> int:
    return next((int.from_bytes(value) for name, value in headers if name == SIZE), 0)
