"""Building groups in memory: chain, tree, frames, commit and footer. Sans-IO: what it returns is what goes to disk."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from security.audit.chain import Chain, frames_of, note_positions, sorted_positions
from security.audit.frame import frame
from security.audit.record import Entry
from security.audit.segment import Commit, Header
from security.audit.segment_file import Digest

MAX_GROUP = 8_192
"""Records of one group: bounds the size of one write."""


class Built(NamedTuple):
    """One group, ready to be written.

    `header`: a segment to make first. `content`: the frames with their commit. `footer`: the footer frame, where the
    group fills the segment. `size`, `root`: the tree behind it. `leaves`: of its records.
    """

    header: Header | None
    content: bytes
    footer: bytes
    size: int
    root: bytes
    leaves: list[bytes]


class GroupBuilder:
    """Moves `chain` on, group by group; `header` and `digest` are those of the segment being filled, if any."""

    def __init__(self, chain: Chain, header: Header | None = None, digest: Digest | None = None) -> None:
        self.chain = chain
        self.header = header
        self._digest = digest or sha256()

    def build(self, entries: Sequence[Entry], bodies: Sequence[bytes], ts: int) -> list[Built]:
        """Build all bodies into groups; a group ends where its segment does."""
        groups: list[Built] = []
        at = 0
        while at < len(bodies):
            groups.append(self._group(entries, bodies, at, ts))
            at += len(groups[-1].leaves)
        return groups

    def begin_segment(self) -> Header:
        """Begin the next segment and return its header."""
        self.header = self.chain.header()
        self._digest = sha256(self.header.encode())
        return self.header

    def taken(self, content: bytes) -> bytes:
        """Take note of a group that `chain` has accepted as it was; return the footer frame, as `footer`."""
        self._digest.update(content)
        return self.footer()

    def footer(self) -> bytes:
        """Return the footer frame where the segment is full, and leave the segment; else nothing."""
        chain, header = self.chain, self.header
        if header is None or chain.size < header.first + header.records:
            return b""
        footer = chain.footer(header, self._digest.digest())
        chain.digest, self.header = footer.digest, None
        return frame(footer.encode())

    def _group(self, entries: Sequence[Entry], bodies: Sequence[bytes], at: int, ts: int) -> Built:
        chain = self.chain
        begun = None if self.header else self.begin_segment()
        header = self.header or self.begin_segment()
        first = chain.size
        if first == header.first:
            chain.first_ts = ts
        until = at + min(header.first + header.records - first, MAX_GROUP)
        pieces, leaves = frames_of(bodies[at:until], chain.prev)
        chain.tree.extend(leaves)
        chain.prev, chain.ts = leaves[-1], ts
        root = chain.tree.root()
        highest: dict[tuple[str, int], int] = {}
        note_positions(highest, entries[at:until])
        commit = Commit(first, chain.size - 1, ts, chain.epoch, chain.prev, root, sorted_positions(highest))
        pieces.append(frame(commit.encode()))
        content = b"".join(pieces)
        self._digest.update(content)
        return Built(begun, content, self.footer(), chain.size, root, leaves)
