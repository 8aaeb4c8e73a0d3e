"""The replica of a log in a second directory, on another disk: the log's groups byte for byte, one after another.

    DIR/log.header              the header of the log's first segment: which log this is
    DIR/<first seq, 20 digits>.groups   groups of the log: frames and commit, as they stand in the segment
    DIR/<first seq>.kept        what stays of the log's retired segments (ADR 0020), when their groups were let go
    DIR/cut/                    ends that were not whole, as they were found

A group is there once its fdatasync is done. A failure of the system ends the open file for good: the next call opens it
again, cuts off what is not whole, and goes on behind that.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from security.audit.checkpoint import Checkpoint
from security.audit.errors import AuditReplicaError, ReplicaDiffersError
from security.audit.files import remove_durably, sync_directory, write_durably, write_new
from security.audit.frame import frame
from security.audit.kept import kept_at, kept_path, retired_until
from security.audit.layout import KEPT, Layout
from security.audit.pipeline import name_of
from security.audit.reading import groups_of
from security.audit.replica import Copied, StoredGroup, stored_groups
from security.audit.segment import HEADER_BYTES, Commit, Header, SegmentFormError, origin_hash

FILE_BYTES = 64 << 20
SUFFIX = ".groups"


class DirectoryReplica:
    """Implements `Replica` in the folder `directory`, for the log called `origin`. Safe to use from many threads."""

    def __init__(self, directory: Path, origin: str, *, new: bool = True) -> None:
        """Open the folder; where it is not `new`, an empty one is refused: its disk is not mounted.

        Raises:
            AuditReplicaError: it cannot be opened, or holds nothing though it should.
        """
        self.directory, self._origin = directory, origin
        self._lock = threading.Lock()
        self._descriptor = -1
        self._size = self._end = 0
        self._last: Commit | None = None
        try:
            if not new and not self._named.exists():
                raise AuditReplicaError(reason="absent")
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._open()
        except OSError as error:
            raise AuditReplicaError(reason=name_of(error)) from error

    @property
    def header(self) -> Header | None:
        """The header of the log's first segment; None before the replica was given a log."""
        try:
            return Header.decode(self._named.read_bytes())
        except (FileNotFoundError, SegmentFormError):
            return None

    @property
    def head(self) -> Checkpoint | None:
        """The tree behind the newest group that was there when the folder was opened: a log must continue it."""
        return Checkpoint(self._origin, self._last.size, self._last.root) if self._last else None

    def size(self) -> int:
        """Return how many records it has."""
        return self._size

    def belong(self, layout: Layout) -> None:
        """Note which log this is a replica of; refuse another one.

        Raises:
            ReplicaDiffersError: it is the replica of another log. AuditReplicaError: the system failed.
        """
        try:
            with layout.pieces()[0].open("rb") as file:
                raw = file.read(HEADER_BYTES)
            theirs, ours = Header.decode(raw), self.header
            if ours is None and not self._size:
                write_durably(self._named, raw)
                ours = theirs
        except OSError as error:
            raise AuditReplicaError(reason=name_of(error)) from error
        expected = (theirs.nonce, origin_hash(self._origin))
        if ours is None or (ours.nonce, ours.origin_hash) != expected:
            raise ReplicaDiffersError(seq=0)
        if not self._size and retired_until(layout):
            self.retire(layout)

    def retire(self, layout: Layout) -> None:
        """Let go of what the log has retired: its hashes are copied, then every file goes that lies wholly before them.

        A replica that is new to a log begins behind them.

        Raises:
            AuditReplicaError: the system failed; the next call goes on with it.
        """
        with self._lock:
            try:
                end = self._copy_kept(layout)
                if self._size < end:
                    # Only a new replica is behind: nothing is retired that the replica did not have.
                    self._begin(end)
                    self._size = end
                files = self._files()
                for path, following in itertools.pairwise(files):
                    if int(following.stem) <= end:
                        remove_durably(path)
            except OSError as error:
                self._close()
                raise AuditReplicaError(reason=name_of(error)) from error

    def _copy_kept(self, layout: Layout) -> int:
        end = 0
        while (kept := kept_at(layout, end)) is not None:
            path = kept_path(layout, end)
            if not (self.directory / path.name).exists():
                write_durably(self.directory / path.name, path.read_bytes())
            end = kept.end
        return end

    def kept_files(self) -> list[Path]:
        """Return what stays of retired segments, in order."""
        return sorted(self.directory.glob("*" + KEPT))

    def keep(self, groups: Sequence[Copied]) -> None:
        """Write groups and make them durable; one that is there already is left out.

        Raises:
            AuditReplicaError: the system failed; the next call opens the file anew.
            ReplicaDiffersError: the groups leave a gap.
        """
        with self._lock:
            try:
                if self._descriptor < 0:
                    self._open()
                self._write([group for group in groups if group.size > self._size])
            except OSError as error:
                self._close()
                raise AuditReplicaError(reason=name_of(error)) from error

    def groups(self, start: int = 0) -> Iterator[StoredGroup]:
        """Yield the groups from record `start` on, each frame by its checksum and each commit by its form."""
        files = self._files()
        for path, following in zip(files, [*files[1:], None], strict=True):
            if following is not None and int(following.stem) <= start:
                continue
            for group in stored_groups(path.read_bytes()):
                if group.commit.size > start:
                    yield group

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    @property
    def _named(self) -> Path:
        return self.directory / "log.header"

    def _files(self) -> list[Path]:
        return sorted(self.directory.glob("*" + SUFFIX))

    def _open(self) -> None:
        """Open the newest file behind its last whole group."""
        files = self._files()
        if not files:
            self._begin(0)
            return
        path = files[-1]
        data = path.read_bytes()
        self._size, self._end = int(path.stem), 0
        for group in stored_groups(data):
            self._size, self._end, self._last = group.commit.size, group.end, group.commit
        if len(data) > self._end:
            self._set_aside(path, data[self._end :])
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(self._descriptor, self._end)
        os.fsync(self._descriptor)

    def _set_aside(self, path: Path, rest: bytes) -> None:
        cut = self.directory / "cut"
        cut.mkdir(exist_ok=True, mode=0o700)
        write_new(cut / f"{path.stem}-{self._end}", rest)
        sync_directory(cut)

    def _begin(self, first: int) -> None:
        self._close()
        path = self.directory / f"{first:020d}{SUFFIX}"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.fsync(self._descriptor)
        sync_directory(self.directory)
        self._end = 0

    def _write(self, groups: Sequence[Copied]) -> None:
        if not groups:
            return
        expected = self._size
        for group in groups:
            if group.first != expected:
                raise ReplicaDiffersError(seq=expected)
            expected = group.size
        if self._end >= FILE_BYTES:
            self._begin(self._size)
        content = b"".join(group.content for group in groups)
        if os.pwrite(self._descriptor, content, self._end) != len(content):
            raise OSError
        os.fdatasync(self._descriptor)
        self._end += len(content)
        self._size = groups[-1].size

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def compare_directory(log: Path, replica: DirectoryReplica) -> int:
    """Hold a log against its replica, byte for byte; return the number of records both have.

    What the log has retired is not compared: the replica lets go of it a file at a time.

    Raises:
        ReplicaDiffersError: a group differs, or the log ends before its replica does.
    """
    same = retired_until(Layout(log))
    theirs = replica.groups(same)
    for group in groups_of(log):
        other = next(theirs, None)
        if other is None:
            return same
        if other.content != b"".join(map(frame, group.entries)) + frame(group.commit.encode()):
            raise ReplicaDiffersError(seq=group.first)
        same = group.commit.size
    if next(theirs, None) is not None:
        raise ReplicaDiffersError(seq=same)
    return same
