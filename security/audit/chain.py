"""The running state of a log: how far it is whole, and what must come next. Shared by writer, recovery and verifier.

Sans-IO. A `Chain` moves on by whole groups and whole segments only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from crc32c import crc32c

from security.audit.frame import HEAD
from security.audit.record import PREFIX, Entry, genesis
from security.audit.segment import DEFAULT_SPAN, ZERO, Commit, Footer, Header, origin_hash
from security.audit.tree import TILE, Tree


@dataclass(slots=True)
class Chain:
    """State after the last whole group.

    Attributes:
        origin, nonce: which log. span: log2 of the records of its next segment.
        prev: leaf of the last record, or the genesis value.
        digest: digest of the last full segment, zeros before there is one.
        epoch: highest lease seen. ts: time of the last record, microseconds. first_ts: of the segment's first record.
        tree: RFC 6962 tree; its size is the number of records.
    """

    origin: str
    nonce: bytes
    prev: bytes
    span: int = DEFAULT_SPAN
    digest: bytes = ZERO
    epoch: int = 0
    ts: int = 0
    first_ts: int = 0
    tree: Tree = field(default_factory=Tree)

    @classmethod
    def begin(cls, origin: str, nonce: bytes, span: int = DEFAULT_SPAN) -> Chain:
        """Return the state of an empty log."""
        return cls(origin, nonce, genesis(origin, nonce), span)

    @property
    def size(self) -> int:
        """The number of whole records."""
        return self.tree.size

    def header(self) -> Header:
        """Return the header of the segment that starts here."""
        return Header(self.span, self.size, self.epoch, origin_hash(self.origin), self.nonce, self.prev, self.digest)

    def continued_by(self, header: Header) -> bool:
        """Tell whether `header` starts the next segment of this log; its lease may be newer than the last commit's."""
        expected = self.header()
        same = (header.first, header.origin_hash, header.nonce, header.prev, header.digest) == (
            expected.first,
            expected.origin_hash,
            expected.nonce,
            expected.prev,
            expected.digest,
        )
        return same and header.epoch >= self.epoch

    def accept(self, leaves: Sequence[bytes], commit: Commit) -> bool:
        """Move on by one group; False, and nothing changed, where the commit does not fit it."""
        size = self.size
        if (commit.first, commit.last) != (size, size + len(leaves) - 1) or commit.chain != leaves[-1]:
            return False
        if commit.epoch < self.epoch or commit.ts < self.ts:
            return False
        self.tree.extend(leaves)
        if self.tree.root() != commit.root:
            self.tree.truncate(size)
            return False
        self.prev, self.epoch, self.ts = leaves[-1], commit.epoch, commit.ts
        return True

    def retired(self, header: Header, footer: Footer, leaves: Sequence[bytes]) -> None:
        """Move on by a whole segment of which leaves and footer stay, as `kept.py` has checked them."""
        self.tree.extend(leaves)
        self.prev, self.digest, self.ts, self.epoch = leaves[-1], footer.digest, footer.last_ts, header.epoch

    def footer(self, header: Header, digest: bytes) -> Footer:
        """Return the footer of the full segment that `header` began; `digest` is that of all its bytes so far."""
        tiles: tuple[bytes, ...] = ()
        if header.span >= TILE:
            first = header.first >> TILE
            tiles = tuple(self.tree.node(TILE, first + n) for n in range(header.records >> TILE))
        root = self.tree.node(header.span, header.first >> header.span)
        return Footer(header.first, header.records, self.first_ts, self.ts, digest, root, tiles)


def frames_of(bodies: Sequence[bytes], prev: bytes) -> tuple[list[bytes], list[bytes]]:
    """Chain bodies after the leaf `prev`: return the pieces of their frames, and their leaves.

    The hot loop of writing: two hashes of state a record, one checksum, nothing else.
    """
    pieces: list[bytes] = []
    leaves: list[bytes] = []
    push, keep = pieces.append, leaves.append
    pack, crc, hasher, prefix = HEAD.pack, crc32c, sha256, PREFIX
    for body in bodies:
        entry = prefix + prev + body
        prev = hasher(b"\x00" + entry).digest()
        push(pack(len(entry), crc(entry)))
        push(entry)
        keep(prev)
    return pieces, leaves


def note_positions(highest: dict[tuple[str, int], int], entries: Iterable[Entry]) -> None:
    """Note in `highest` the highest offset of each topic and partition that `entries` come from."""
    for entry in entries:
        off = entry.off
        if off is not None and entry.part is not None and entry.topic:
            key = (entry.topic, entry.part)
            if highest.get(key, -1) < off:
                highest[key] = off


def sorted_positions(highest: dict[tuple[str, int], int]) -> tuple[tuple[str, int, int], ...]:
    """Return noted positions as (topic, partition, highest offset), ascending: what a commit holds."""
    return tuple(sorted((topic, part, off) for (topic, part), off in highest.items()))
