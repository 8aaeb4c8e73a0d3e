"""Segments on disk: preallocated, written by groups, each group one write and one fdatasync."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from security.audit.files import sync_directory
from security.audit.segment import HEADER_BYTES, Header, file_name


class Digest(Protocol):
    """A running hash, such as hashlib's."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the hash so far."""
        ...


class ShortWriteError(OSError):
    """The system took fewer bytes than it was given."""


class SegmentFile:
    """The segment being written; `end` is where the next frame goes.

    Space is taken `step` bytes at a time and before it is needed, so that an fdatasync has no growing file to record.
    Every error of the system is left to the caller, who must not go on with this object.
    """

    def __init__(self, directory: Path, step: int) -> None:
        self._directory, self._step = directory, step
        self._descriptor = -1
        self._allocated = self.end = 0

    def resume(self, path: Path, end: int) -> None:
        """Go on in a file that is there, at offset `end`."""
        self.close()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._allocated, self.end = os.fstat(self._descriptor).st_size, end

    def create(self, header: Header) -> None:
        """Make a new segment: whole under a temporary name, then linked to its name, which must not exist."""
        path = self._directory / file_name(header.first)
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, max(self._step, HEADER_BYTES))
            _write_whole(descriptor, header.encode(), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.link(temporary, path)
        temporary.unlink()
        sync_directory(self._directory)
        self.resume(path, HEADER_BYTES)

    def append(self, content: bytes) -> None:
        """Write with one write and make it durable."""
        needed = self.end + len(content)
        if needed > self._allocated:
            grown = -(-needed // self._step) * self._step
            os.posix_fallocate(self._descriptor, self._allocated, grown - self._allocated)
            self._allocated = grown
        _write_whole(self._descriptor, content, self.end)
        os.fdatasync(self._descriptor)
        self.end = needed

    def finish(self, footer: bytes) -> None:
        """Write the footer frame and cut the file to its exact length: the segment is full."""
        _write_whole(self._descriptor, footer, self.end)
        os.ftruncate(self._descriptor, self.end + len(footer))
        os.fsync(self._descriptor)
        self.close()

    def close(self) -> None:
        """Give the file back; nothing is written."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write_whole(descriptor: int, content: bytes, at: int) -> None:
    """Write in one call. A short write is an error, not a reason to try again: the space was taken beforehand."""
    if os.pwrite(descriptor, content, at) != len(content):
        raise ShortWriteError
