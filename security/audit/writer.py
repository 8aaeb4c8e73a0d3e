"""Writing groups: chain, tree, frames and commit in memory, then one write and one fdatasync."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from security.audit.chain import Chain, frames_of, positions_of
from security.audit.frame import frame
from security.audit.record import Entry
from security.audit.segment import Commit, Header
from security.audit.segment_file import Digest, SegmentFile

MAX_GROUP = 8_192
"""Records of one group: bounds the size of one write."""


class GroupWriter:
    """Moves `chain` on and puts it on disk. After any exception only reading back from disk can tell what is there."""

    def __init__(self, chain: Chain, directory: Path, step: int) -> None:
        self.chain = chain
        self._directory, self._step = directory, step
        self._segment: SegmentFile | None = None

    def resume(self, path: Path, header: Header, end: int, digest: Digest) -> None:
        """Go on in a segment that is not finished; one that is full gets its footer."""
        self._segment = SegmentFile(path, header, end, digest, self._step)
        self._finish_if_full(self._segment)

    def begin_segment(self) -> SegmentFile:
        """Make the next segment file."""
        self._segment = SegmentFile.create(self._directory, self.chain.header(), sha256(), self._step)
        return self._segment

    def write(self, entries: Sequence[Entry], bodies: Sequence[bytes], at: int, ts: int) -> list[bytes]:
        """Write one group from position `at` on, as much as fits the segment; return its leaves once it is durable."""
        chain = self.chain
        segment = self._segment or self.begin_segment()
        first = chain.size
        if first == segment.header.first:
            chain.first_ts = ts
        until = at + min(segment.header.first + segment.header.records - first, MAX_GROUP)
        pieces, leaves = frames_of(bodies[at:until], chain.prev)
        chain.tree.extend(leaves)
        chain.prev, chain.ts = leaves[-1], ts
        positions = positions_of(entries[at:until])
        commit = Commit(first, chain.size - 1, ts, chain.epoch, chain.prev, chain.tree.root(), positions)
        pieces.append(frame(commit.encode()))
        segment.append(pieces)
        self._finish_if_full(segment)
        return leaves

    def close(self) -> None:
        """Give the open segment back; nothing is written."""
        if self._segment:
            self._segment.close()
            self._segment = None

    def _finish_if_full(self, segment: SegmentFile) -> None:
        """End a full segment with its footer; the next one is made with the next record."""
        chain = self.chain
        if chain.size < segment.header.first + segment.header.records:
            return
        footer = chain.footer(segment.header, segment.digest)
        segment.finish(frame(footer.encode()))
        self.close()
        chain.digest = footer.digest
