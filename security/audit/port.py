"""The audit log as a port: what writers of acts need of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from security.audit.record import Entry


class Appended(Protocol):
    """What the log answers: where the records stand."""

    @property
    def first(self) -> int:
        """Number of the first record."""
        ...


class Log(Protocol):
    """A log that makes entries durable before it answers."""

    def append(self, entries: Sequence[Entry]) -> Appended:
        """Make entries durable."""
        ...
