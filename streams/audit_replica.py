"""The replica of an audit log on the bus: `casebus.audit.<log>`, one record a group of the log.

    key     number of the group's first record, 8 bytes big endian
    value   the group's bytes as they stand in the segment: frames and commit
    header  `size`: number of records behind the group, 8 bytes big endian
    header  `lease`: offset of the opening by which the group was written, 8 bytes big endian

A writer that opens the log puts an *opening* before its groups: key `open`, as value the header of the log's first
segment as soon as there is one. The last opening holds: a group of an
earlier one that stands behind it was written by a process that did not know that it had been replaced, and does not
count. That process learns it by its own write, for its offset is not the next one: it ends before anybody relied on the
record. So what counts is one sequence, whoever froze or was started twice from a copied directory.

A log whose officer reads it elsewhere (ADR 0023) tells its signed heads too: key `head`, as value the signed note, no
header. It counts for no size; whoever reads it judges it by a key of his own.

A group may stand twice after a failure; its key tells. Nothing clear is in it that the log does not hold: digests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from security.audit.checkpoint import Checkpoint
from security.audit.errors import ReplicaDiffersError, ReplicaFencedError
from security.audit.kept import retired_until
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.replica import Copied, StoredGroup, lacking, stored_groups
from security.audit.segment import HEADER_BYTES, Header, origin_hash
from streams.bus.port import Appender, Reader, Record, Stored

PREFIX = "casebus.audit."
PARTITION = 0
SIZE, LEASE = "size", "lease"
OPEN, HEAD = b"open", b"head"
PAGE = 64
WIDTH = 8
BEFORE = -1
"""The lease of groups that an earlier version wrote: it counts until there is an opening."""


class BusReplica:
    """Implements `WholeReplica` over a bus, for the log called `origin`; `name` is that of its topic."""

    def __init__(self, reader: Reader, appender: Appender, name: str, origin: str = "") -> None:
        self.topic = PREFIX + name
        self.head: Checkpoint | None = None
        self._reader, self._appender, self._origin = reader, appender, origin
        self._lock = threading.Lock()
        self._waiting: dict[int, Copied] = {}
        self._lease = BEFORE
        self._seen: int | None = None
        self._raw_header = b""

    @property
    def header(self) -> Header | None:
        """The header of the log's first segment; None before the replica was given a log, or before `take`."""
        return Header.decode(self._raw_header) if self._raw_header else None

    def take(self) -> None:
        """Become the log's only writer: whoever wrote before is fenced. Before the log is opened.

        Raises:
            UnavailableError: the bus does not answer.
        """
        with self._lock:
            last = last_opening(self._reader, self.topic)
            self._raw_header = last.value if last else b""
            self._open()
            newest = self._newest()
            if newest is not None:
                (group,) = parsed(newest)
                self.head = Checkpoint(self._origin, group.commit.size, group.commit.root)

    def belong(self, layout: Layout) -> None:
        """Note which log this is a replica of; raises `ReplicaDiffersError` for another one's."""
        with layout.pieces()[0].open("rb") as file:
            raw = file.read(HEADER_BYTES)
        theirs = Header.decode(raw)
        with self._lock:
            if not self._raw_header:
                self._raw_header = raw
                self._open()
            ours = Header.decode(self._raw_header)
        if (ours.nonce, ours.origin_hash) != (theirs.nonce, origin_hash(self._origin)):
            raise ReplicaDiffersError(seq=0)

    def kept_files(self) -> Sequence[Path]:
        """Return nothing: the topic keeps every group, those of retired segments too."""
        return ()

    def size(self) -> int:
        """Return how many records the replica has."""
        newest = self._newest()
        return 0 if newest is None else _number(newest, SIZE)

    def keep(self, groups: Sequence[Copied]) -> None:
        """Return when every broker in step has the groups; what failed before goes first.

        Raises:
            ReplicaFencedError: another writer opened the log since.
        """
        with self._lock:
            self._waiting.update({group.first: group for group in groups})
            # Another caller's groups may come in between, never a gap: each caller waits here for its own.
            waiting = [self._waiting[first] for first in sorted(self._waiting)]
            if self._seen is None:
                self._seen = self._reader.end(self.topic, PARTITION)
            last = self._appender.append(self.topic, PARTITION, [self._record(group) for group in waiting])
            self._require_alone(self._seen, last, len(waiting))
            self._seen = last + 1
            self._waiting.clear()

    def show(self, note: str) -> None:
        """Put a signed head behind the groups it covers; raises UnavailableError where the bus does not take it."""
        with self._lock:
            last = self._appender.append(self.topic, PARTITION, [Record(HEAD, note.encode())])
            # What else came in between is looked at with the next group, whose offset then does not fit.
            if self._seen == last:
                self._seen = last + 1

    def groups(self, start: int = 0) -> Iterator[StoredGroup]:
        """Yield the groups that count from record `start` on, in order; a repeated one is left out.

        Raises:
            ReplicaDiffersError: a record is no group, or not the one that its key and size name.
        """
        size = start
        for each in self._counting():
            if _number(each, SIZE) > size:
                (group,) = parsed(each)
                size = group.commit.size
                yield group

    def _counting(self, position: int = 0) -> Iterator[Stored]:
        """Yield the records of groups that count, repeated ones too."""
        lease = BEFORE
        while stored := self._reader.read(self.topic, PARTITION, position, PAGE):
            position = stored[-1].offset + 1
            for each in stored:
                lease = max(lease, lease_of(each))
                if each.key not in {OPEN, HEAD} and lease_of(each) == lease:
                    yield each

    def _newest(self) -> Stored | None:
        """Return the record of the newest group that counts; None where there is none."""
        end, back = self._reader.end(self.topic, PARTITION), PAGE
        while end:
            start = max(0, end - back)
            found: Stored | None = None
            for each in self._counting(start):
                found = each if found is None or _number(each, SIZE) >= _number(found, SIZE) else found
            if found is not None or not start:
                return found
            back *= 4
        return None

    def _open(self) -> None:
        """Put an opening; its own offset is the lease."""
        self._lease = self._appender.append(self.topic, PARTITION, [Record(OPEN, self._raw_header)])
        self._seen = self._lease + 1

    def _record(self, group: Copied) -> Record:
        headers: tuple[tuple[str, bytes], ...] = ((SIZE, group.size.to_bytes(WIDTH)),)
        if self._lease != BEFORE:
            headers += ((LEASE, self._lease.to_bytes(WIDTH)),)
        return Record(group.first.to_bytes(WIDTH), group.content, headers)

    def _require_alone(self, seen: int, last: int, count: int) -> None:
        """Look at what stands between what was known and what was written, where it is not just that."""
        position = seen
        while last - seen + 1 != count and position <= last:
            stored = self._reader.read(self.topic, PARTITION, position, PAGE)
            if any(each.key == OPEN and each.offset > self._lease for each in stored):
                raise ReplicaFencedError
            position = stored[-1].offset + 1


def last_opening(reader: Reader, topic: str) -> Stored | None:
    """Return the last opening of a replica's topic; None where nobody opened it yet."""
    end = reader.end(topic, PARTITION)
    newest = reader.read(topic, PARTITION, max(0, end - PAGE), PAGE)
    lease = max(map(lease_of, newest), default=BEFORE)
    return None if lease == BEFORE else reader.read(topic, PARTITION, lease, 1)[0]


def compare(directory: Path, replica: BusReplica) -> int:
    """Hold a log against its replica, byte for byte; return the number of records both have.

    Raises:
        ReplicaDiffersError: a group differs, or the log ends before its replica does.
    """
    ours = {group.first: group for group in lacking(directory, Nothing())}
    same = retired_until(Layout(directory))
    for theirs in replica.groups(same):
        mine = ours.get(theirs.commit.first)
        if mine is None or mine.content != theirs.content:
            raise ReplicaDiffersError(seq=theirs.commit.first)
        same = theirs.commit.size
    return same


def replicated(log: AuditLog, reader: Reader, appender: Appender, name: str) -> AuditLog:
    """Give a log that was just opened its replica; raises `KafkaUnavailableError` where it cannot be had."""
    log.replicate(BusReplica(reader, appender, name))
    return log


class Nothing:
    """A replica that has nothing."""

    def size(self) -> int:
        """Return zero."""
        return 0

    def keep(self, groups: Sequence[Copied]) -> None:
        """Keep nothing."""
        del groups


def parsed(stored: Stored) -> list[StoredGroup]:
    """Return the one group of a record."""
    found = list(stored_groups(stored.value))
    named = int.from_bytes(stored.key), _number(stored, SIZE), len(stored.value)
    if [(each.commit.first, each.commit.size, each.end) for each in found] != [named]:
        raise ReplicaDiffersError(seq=named[0])
    return found


def lease_of(stored: Stored) -> int:
    """Return the opening by which a record was written; an opening is its own."""
    return stored.offset if stored.key == OPEN else _number(stored, LEASE, BEFORE)


def _number(stored: Stored, name: str, missing: int = 0) -> int:
    return next((int.from_bytes(value) for key, value in stored.headers if key == name), missing)
