"""The open segment on disk: preallocated, written by groups, each group one write and one fdatasync."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
    """A segment being written.

    `end` is where the next frame goes; `step` is how much space is taken at a time, in bytes. Space is taken before it
    is needed, so that an fdatasync has no growing file to record. Every error of the system is left to the caller, who
    must not go on with this object.
    """

    def __init__(self, path: Path, header: Header, end: int, digest: Digest, step: int) -> None:
        self.path, self.header, self.end = path, header, end
        self._digest, self._step = digest, step
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._allocated = os.fstat(self._descriptor).st_size
        except OSError:
            self.close()
            raise

    @classmethod
    def create(cls, directory: Path, header: Header, digest: Digest, step: int) -> SegmentFile:
        """Make a new segment: whole under a temporary name, then linked to its name, which must not exist."""
        path = directory / file_name(header.first)
        temporary = path.with_suffix(".tmp")
        raw = header.encode()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, max(step, HEADER_BYTES))
            _write_whole(descriptor, raw, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.link(temporary, path)
        temporary.unlink()
        sync_directory(directory)
        digest.update(raw)
        return cls(path, header, HEADER_BYTES, digest, step)

    @property
    def digest(self) -> bytes:
        """SHA-256 of every byte written so far."""
        return self._digest.digest()

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write the pieces with one write and make them durable."""
        content = b"".join(pieces)
        needed = self.end + len(content)
        if needed > self._allocated:
            grown = -(-needed // self._step) * self._step
            os.posix_fallocate(self._descriptor, self._allocated, grown - self._allocated)
            self._allocated = grown
        _write_whole(self._descriptor, content, self.end)
        os.fdatasync(self._descriptor)
        self._digest.update(content)
        self.end = needed

    def finish(self, footer: bytes) -> None:
        """Write the footer frame and cut the file to its exact length; the segment is full."""
        _write_whole(self._descriptor, footer, self.end)
        self.end += len(footer)
        os.ftruncate(self._descriptor, self.end)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Give the file back; nothing is written."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write_whole(descriptor: int, content: bytes, at: int) -> None:
    """Write in one call. A short write is an error, not a reason to try again: the space was taken beforehand."""
    if os.pwrite(descriptor, content, at) != len(content):
        raise ShortWriteError
