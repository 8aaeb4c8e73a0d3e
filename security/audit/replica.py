"""The replica of a log as a port: a second place that must have each group before its records count as durable.

What a replica keeps is the bytes of a group as they stand in the segment: frames and commit. So a replica can be held
against the log byte for byte, and a log that ends below its replica was set back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from security.audit.frame import frame
from security.audit.reading import groups_of


class Copied(NamedTuple):
    """One group: the number of its first record, the size of the log behind it, its bytes."""

    first: int
    size: int
    content: bytes


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


def lacking(directory: Path, replica: Replica) -> Iterator[Copied]:
    """Yield the whole groups of a log that its replica does not have, in order."""
    held = replica.size()
    for group in groups_of(directory):
        if group.commit.size > held:
            content = b"".join(map(frame, group.entries)) + frame(group.commit.encode())
            yield Copied(group.first, group.commit.size, content)
