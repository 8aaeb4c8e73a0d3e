"""The replica of a log as a port: a second place that must have each group before its records count as durable.

What a replica keeps is the bytes of a group as they stand in the segment: frames and commit. So a replica can be held
against the log byte for byte, and a log that ends below its replica was set back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from security.audit.checkpoint import Checkpoint
from security.audit.frame import frame, read_frame
from security.audit.layout import Layout
from security.audit.reading import groups_of
from security.audit.segment import COMMIT, Commit, Header, SegmentFormError


class Copied(NamedTuple):
    """One group: the number of its first record, the size of the log behind it, its bytes."""

    first: int
    size: int
    content: bytes


class StoredGroup(NamedTuple):
    """A group as the replica has it: its entries E, its commit, its bytes, and the offset behind it."""

    entries: list[bytes]
    commit: Commit
    content: bytes
    end: int


class Replica(Protocol):
    """A second place for a log's groups."""

    def size(self) -> int:
        """Return how many records it has."""
        ...

    def keep(self, groups: Sequence[Copied]) -> None:
        """Return when it has these groups for good; a group may come twice.

        Raises:
            UnavailableError: it cannot have them now; they are given again before any later one.
        """
        ...


class WholeReplica(Replica, Protocol):
    """A replica that a log can be caught up from: it knows which log it is of, and gives every group again."""

    @property
    def header(self) -> Header | None:
        """The header of the log's first segment; None before the replica was given a log."""
        ...

    @property
    def head(self) -> Checkpoint | None:
        """The tree behind the newest group that was there when the replica was opened: a log must continue it."""
        ...

    def belong(self, layout: Layout) -> None:
        """Note which log this is a replica of.

        Raises:
            ReplicaDiffersError: it is the replica of another log.
        """
        ...

    def kept_files(self) -> Sequence[Path]:
        """Return what stays of retired segments, in order; none where their groups are still there."""
        ...

    def groups(self, start: int = 0) -> Iterator[StoredGroup]:
        """Yield the groups from record `start` on."""
        ...


def lacking(directory: Path, replica: Replica) -> Iterator[Copied]:
    """Yield the whole groups of a log that its replica does not have, in order."""
    held = replica.size()
    for group in groups_of(directory):
        if group.commit.size > held:
            content = b"".join(map(frame, group.entries)) + frame(group.commit.encode())
            yield Copied(group.first, group.commit.size, content)


def stored_groups(data: bytes) -> Iterator[StoredGroup]:
    """Yield the whole groups of a file, up to where its bytes stop being right. Sans-IO."""
    at = begin = 0
    entries: list[bytes] = []
    while (found := read_frame(data, at)) is not None and found.fits:
        at = found.end
        if found.payload[0] != COMMIT:
            entries.append(found.payload)
            continue
        try:
            commit = Commit.decode(found.payload)
        except SegmentFormError:
            return
        yield StoredGroup(entries, commit, data[begin:at], at)
        begin, entries = at, []
