"""Walking the bytes of one segment, group by group, up to where they stop being right. Sans-IO.

Used by recovery, verification and reading alike: what one accepts, all accept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from crc32c import crc32c

from security.audit.chain import Chain
from security.audit.classify import what_stands_here
from security.audit.frame import HEAD, HEAD_BYTES, read_frame
from security.audit.record import PREFIX
from security.audit.segment import COMMIT, FOOTER, FOOTER_BYTES, HEADER_BYTES, Commit, Footer, Header, SegmentFormError
from security.audit.segment_file import Digest
from security.audit.tree import TILE


@dataclass(frozen=True, slots=True)
class Break:
    """Where the bytes stop being right: a fault's kind, the record expected there, the offset in the file."""

    kind: str
    seq: int
    offset: int


@dataclass(frozen=True, slots=True)
class Group:
    """A whole group: entries E (empty unless asked for), the offsets of their frames, and the commit."""

    first: int
    entries: list[bytes]
    leaves: list[bytes]
    commit: Commit
    offset: int


class Walk:
    """An iterator over the groups of a segment; moves `chain` on with each.

    After it ended: `end` is the offset behind the last whole group (or footer), `broken` says why it went no further
    (None: zeros or the end of the file follow), `footer` is there where the segment is full.
    """

    def __init__(self, data: bytes, header: Header, chain: Chain, *, entries: bool = False) -> None:
        self.end = HEADER_BYTES
        self.broken: Break | None = None
        self.footer: Footer | None = None
        self._data, self._header, self._chain, self._entries = data, header, chain, entries

    def __iter__(self) -> Iterator[Group]:
        while (group := self._group()) is not None:
            yield group
        if self.broken is None:
            self._check_rest()

    def hashed(self) -> Digest:
        """Return the hash of the bytes up to `end`: what a writer goes on with, and what a footer says."""
        return sha256(memoryview(self._data)[: self.end])

    @property
    def full(self) -> bool:
        """Whether all records of the segment are there."""
        return self._chain.size == self._header.first + self._header.records

    def _group(self) -> Group | None:
        """Read one group. The loop is the hot path of verification: one checksum and one hash a record."""
        data, at, prev = self._data, self.end, self._chain.prev
        entries: list[bytes] = []
        leaves: list[bytes] = []
        keep, unpack, crc, hasher, prefix = leaves.append, HEAD.unpack_from, crc32c, sha256, PREFIX
        keep_entry = entries.append if self._entries else None
        last, expected = len(data) - HEAD_BYTES, prefix + prev
        while at <= last:
            length, checksum = unpack(data, at)
            start = at + 8
            entry = data[start : start + length]
            if not entry.startswith(expected):
                break
            if crc(entry) != checksum:
                return self._stop("frame_crc" if len(entry) == length else "frame_length", len(leaves), at)
            prev = hasher(b"\x00" + entry).digest()
            expected = prefix + prev
            keep(prev)
            if keep_entry:
                keep_entry(entry)
            at = start + length
        return self._close(at, leaves, entries)

    def _close(self, at: int, leaves: list[bytes], entries: list[bytes]) -> Group | None:
        """Judge what ended the run of chained records: a commit, a footer, the end, or something wrong."""
        found = read_frame(self._data, at)
        if found is None:
            return self._stop("group_unfinished", len(leaves), at) if leaves else None
        if not found.fits:
            whole = found.end <= len(self._data)
            return self._stop("frame_crc" if whole else "frame_length", len(leaves), at)
        kind = found.payload[0]
        if kind == COMMIT and leaves:
            return self._commit(at, found.payload, found.end, leaves, entries)
        if kind == FOOTER and not leaves and self.full:
            return self._footer(at, found.payload, found.end)
        seq = self._chain.size + len(leaves)
        return self._stop(what_stands_here(self._data, at, found.payload, seq), len(leaves), at)

    def _commit(self, at: int, payload: bytes, end: int, leaves: list[bytes], entries: list[bytes]) -> Group | None:
        try:
            commit = Commit.decode(payload)
        except SegmentFormError:
            return self._stop("commit", len(leaves), at)
        beyond = commit.last >= self._header.first + self._header.records
        if beyond or commit.epoch < self._header.epoch or not self._chain.accept(leaves, commit):
            return self._stop("commit", len(leaves), at)
        begin, self.end = self.end, end
        return Group(commit.first, entries, leaves, commit, begin)

    def _footer(self, at: int, payload: bytes, end: int) -> Group | None:
        """Check the footer but for its times, which stand in the records."""
        try:
            footer = Footer.decode(payload)
        except SegmentFormError:
            return self._stop("footer", 0, at)
        self._chain.first_ts = footer.first_ts
        if footer != self._chain.footer(self._header, self.hashed().digest()):
            return self._stop("footer", 0, at)
        self.footer, self.end, self._chain.digest = footer, end, footer.digest
        return None

    def _check_rest(self) -> None:
        """After the end only zeros may stand."""
        at = first_not_zero(self._data, self.end)
        if at is not None:
            self._stop("tail_not_zero", 0, at)

    def _stop(self, kind: str, records: int, at: int) -> Group | None:
        self.broken = Break(kind, self._chain.size + records, at)
        return None


def first_not_zero(data: bytes, start: int) -> int | None:
    """Return the offset of the first byte from `start` on that is not zero."""
    rest = data[start:].lstrip(b"\0")
    return len(data) - len(rest) if rest else None


def footer_frame_bytes(header: Header) -> int:
    """Return the length of the footer frame of a full segment, bytes."""
    return HEAD_BYTES + FOOTER_BYTES + 32 * (header.records >> TILE)


def last_footer(data: bytes, header: Header) -> Footer | None:
    """Return the footer at the very end of `data`; None where none stands there or it belongs to another run."""
    found = read_frame(data, max(len(data) - footer_frame_bytes(header), 0))
    try:
        footer = Footer.decode(found.payload if found and found.fits else b"")
    except SegmentFormError:
        return None
    return footer if (footer.first, footer.count) == (header.first, header.records) else None
