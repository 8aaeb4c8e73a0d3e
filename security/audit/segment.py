"""Segment files: the bytes of header, commit and footer, sans-IO (ADR 0005)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct

from crc32c import crc32c

MAGIC = b"CSBAUDIT"
VERSION = 1
SUITE = 1
HEADER_BYTES = 256
MIN_SPAN, DEFAULT_SPAN, MAX_SPAN = 4, 18, 24
"""log2 of the records of a segment: 65,536 × 2^k with k = 2 unless told otherwise; the least is for tests."""

COMMIT, FOOTER = 0x43, 0x46
ZERO = bytes(32)

_HEADER = Struct(">8sBBBBIQQ32s32s32s32s92x")
_COMMIT = Struct(">BBBBQQQQQ32s32sH")
_POSITION = Struct(">IQ")
_FOOTER = Struct(">BBBBQQQQ32s32sI")
FOOTER_BYTES = _FOOTER.size
"""Length of a footer payload without its tiles."""

_U16 = Struct(">H")
_U32 = Struct(">I")


class SegmentFormError(ValueError):
    """Bytes that are no header, commit or footer; the text names what is wrong."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first 256 bytes: which log, which run of records, what it continues.

    Attributes:
        span: log2 of the number of records of a full segment.
        first: number of its first record, a multiple of 2^span.
        epoch: lease of the writer that made the file.
        origin_hash, nonce: which log it belongs to.
        prev: leaf before the first record. digest: segment digest of the file before, zeros in the first.
    """

    span: int
    first: int
    epoch: int
    origin_hash: bytes
    nonce: bytes
    prev: bytes
    digest: bytes

    @property
    def records(self) -> int:
        """The number of records of the full segment."""
        return 1 << self.span

    def encode(self) -> bytes:
        """Return the 256 bytes."""
        body = _HEADER.pack(
            MAGIC,
            VERSION,
            SUITE,
            self.span,
            0,
            HEADER_BYTES,
            self.first,
            self.epoch,
            self.origin_hash,
            self.nonce,
            self.prev,
            self.digest,
        )
        return body + _U32.pack(crc32c(body))

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """Read the first 256 bytes of `data`; SegmentFormError where they are not a header of version 1."""
        raw = data[:HEADER_BYTES]
        if len(raw) < HEADER_BYTES or raw[: len(MAGIC)] != MAGIC:
            raise SegmentFormError("no segment header")
        if _U32.unpack_from(raw, _HEADER.size)[0] != crc32c(raw[: _HEADER.size]):
            raise SegmentFormError("header checksum")
        _, version, suite, span, _, _, first, epoch, *rest = _HEADER.unpack_from(raw)
        if version != VERSION or suite != SUITE:
            raise SegmentFormError("header version or suite")
        header = cls(span, first, epoch, *rest)
        if not MIN_SPAN <= span <= MAX_SPAN or first & (header.records - 1) or header.encode() != raw:
            raise SegmentFormError("header fields")
        return header


@dataclass(frozen=True, slots=True)
class Commit:
    """What ends a group: the records `first` to `last` are durable and the tree of `last` + 1 has this root.

    `positions` maps (topic, partition) to the highest source offset among the group's records, ascending.
    """

    first: int
    last: int
    ts: int
    epoch: int
    chain: bytes
    root: bytes
    positions: tuple[tuple[str, int, int], ...] = ()

    @property
    def size(self) -> int:
        """The tree size after the group."""
        return self.last + 1

    def encode(self) -> bytes:
        """Return the payload of the commit frame."""
        head = _COMMIT.pack(
            COMMIT,
            VERSION,
            SUITE,
            0,
            self.first,
            self.last,
            self.size,
            self.ts,
            self.epoch,
            self.chain,
            self.root,
            len(self.positions),
        )
        if not self.positions:
            return head
        tails = []
        for topic, partition, offset in self.positions:
            name = topic.encode()
            tails.append(_U16.pack(len(name)) + name + _POSITION.pack(partition, offset))
        return head + b"".join(tails)

    @classmethod
    def decode(cls, payload: bytes) -> Commit:
        """Read a payload; SegmentFormError where it is not a commit of version 1."""
        if len(payload) < _COMMIT.size or payload[0] != COMMIT:
            raise SegmentFormError("no commit")
        *_, first, last, size, ts, epoch, chain, root, count = _COMMIT.unpack_from(payload)
        if size != last + 1:  # also a last record that has no successor, which could not be written again
            raise SegmentFormError("commit size")
        at, positions = _COMMIT.size, []
        try:
            for _ in range(count):
                length = _U16.unpack_from(payload, at)[0]
                at += _U16.size
                topic = payload[at : at + length].decode()
                at += length
                positions.append((topic, *_POSITION.unpack_from(payload, at)))
                at += _POSITION.size
        except Exception as error:
            raise SegmentFormError("commit positions") from error
        commit = cls(first, last, ts, epoch, chain, root, tuple(positions))
        if commit.encode() != payload:
            raise SegmentFormError("commit fields")
        return commit


@dataclass(frozen=True, slots=True)
class Footer:
    """What ends a full segment: digest of all bytes before it, its subtree, its tiles, its span of time.

    `tiles` are the roots of its runs of 256 records, empty for a run of fewer.
    """

    first: int
    count: int
    first_ts: int
    last_ts: int
    digest: bytes
    root: bytes
    tiles: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the payload of the footer frame."""
        head = _FOOTER.pack(
            FOOTER,
            VERSION,
            SUITE,
            0,
            self.first,
            self.count,
            self.first_ts,
            self.last_ts,
            self.digest,
            self.root,
            len(self.tiles),
        )
        return head + b"".join(self.tiles)

    @classmethod
    def decode(cls, payload: bytes) -> Footer:
        """Read a payload; SegmentFormError where it is not a footer of version 1."""
        if len(payload) < _FOOTER.size or payload[0] != FOOTER:
            raise SegmentFormError("no footer")
        *_, first, count, first_ts, last_ts, digest, root, tiles = _FOOTER.unpack_from(payload)
        if len(payload) != _FOOTER.size + 32 * tiles:
            raise SegmentFormError("footer length")
        starts = range(_FOOTER.size, len(payload), 32)
        footer = cls(first, count, first_ts, last_ts, digest, root, tuple(payload[at : at + 32] for at in starts))
        if footer.encode() != payload:
            raise SegmentFormError("footer fields")
        return footer


def origin_hash(origin: str) -> bytes:
    """Return the hash of a log's origin that each header carries."""
    return sha256(origin.encode()).digest()


def file_name(first: int) -> str:
    """Return the name of the segment that starts at record `first`."""
    return f"{first:020d}.seg"
