"""What stays of a segment whose retention has ended: its header, every leaf hash, its footer, a few records (ADR 0020).

    segments/<first seq, 20 digits>.kept
    header 256 | leaf hashes 32 × 2^s | footer frame | [frame(0x33 | SM3)] | frame(0x53 | seq u64 | E) … | frame(end)

The end says how many bytes the segment had, how many records stay, and the digest of all bytes before it. So inclusion
and consistency proofs go on for every leaf, and an archived copy can be held against the footer's digest. The records
that stay are those by which the log explains itself: retirements, erasures, losses. The root of the same records under
SM3 lets the second head go on (ADR 0016); the record of the retirement vouches for it, since it names the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from security.audit.errors import AuditTamperedError
from security.audit.files import remove_durably, write_durably
from security.audit.frame import HEAD_BYTES, frame, read_frame
from security.audit.layout import KEPT, Layout
from security.audit.log_tree import levels_of
from security.audit.segment import HEADER_BYTES, Footer, Header, SegmentFormError
from security.audit.tree import TILE, leaf_hash
from security.audit.walk import footer_frame_bytes

STAYING = frozenset({"erase", "loss", "retain"})
"""Acts whose records stay: without them the log could not say why something is not there."""

VERSION, SUITE = 1, 1
SM3, STAY, END = 0x33, 0x53, 0x4B
_STAY = Struct(">BQ")
_END = Struct(">BBBBQI32s")


class Stay(NamedTuple):
    """A record that stays: its number and the entry's bytes E."""

    seq: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays of one segment of at least 256 records.

    `size` is the length of the file that is dropped, bytes; `sm3` its root under SM3, empty where that was not at hand.
    """

    header: Header
    leaves: list[bytes]
    footer: Footer
    stays: tuple[Stay, ...]
    size: int
    sm3: bytes = b""

    @property
    def end(self) -> int:
        """The number of the first record behind it."""
        return self.header.first + self.header.records

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        body = self.header.encode() + b"".join(self.leaves) + frame(self.footer.encode())
        body += frame(bytes([SM3]) + self.sm3) if self.sm3 else b""
        body += b"".join(frame(_STAY.pack(STAY, stay.seq) + stay.entry) for stay in self.stays)
        return body + frame(_END.pack(END, VERSION, SUITE, 0, self.size, len(self.stays), sha256(body).digest()))

    @classmethod
    def decode(cls, data: bytes) -> Kept:
        """Read a file; SegmentFormError where a byte is not what was written or a hash does not lead to the footer."""
        header = Header.decode(data)
        behind = HEADER_BYTES + 32 * header.records
        leaves = [data[at : at + 32] for at in range(HEADER_BYTES, behind, 32)]
        footer = _footer(data[behind : behind + footer_frame_bytes(header)], header)
        levels = levels_of(leaves) if len(leaves[-1]) == len(leaves[0]) else []
        if not levels or levels[-1][0] != footer.root or tuple(levels[TILE]) != footer.tiles:
            raise SegmentFormError("hashes")
        *payloads, end = _frames(data, behind + footer_frame_bytes(header))
        sm3 = payloads.pop(0)[1:] if payloads and payloads[0][0] == SM3 else b""
        stays = tuple(_stay(payload, header, leaves) for payload in payloads)
        kept = cls(header, leaves, footer, stays, _size(end), sm3)
        if len(sm3) not in {0, 32} or kept.encode() != data:
            raise SegmentFormError("kept fields")
        return kept


class Outline(NamedTuple):
    """The little of a kept file that a reader of other records needs; the signed root vouches for it."""

    header: Header
    footer: Footer
    last: bytes

    @property
    def end(self) -> int:
        """The number of the first record behind it."""
        return self.header.first + self.header.records


def outline(path: Path) -> Outline:
    """Read header, footer and last leaf of a kept file; SegmentFormError where they are none."""
    with path.open("rb") as file:
        header = Header.decode(file.read(HEADER_BYTES))
        file.seek(HEADER_BYTES + 32 * (header.records - 1))
        last = file.read(32)
        footer = _footer(file.read(footer_frame_bytes(header)), header)
    return Outline(header, footer, last)


def kept_at(layout: Layout, first: int) -> Outline | None:
    """Return what stays of the segment that begins with record `first`; None where its records are there.

    AuditTamperedError where the file is not what was written.
    """
    path = kept_path(layout, first)
    if not path.exists() or path.with_suffix(".seg").exists():
        return None
    try:
        return outline(path)
    except SegmentFormError:
        raise AuditTamperedError(kind="kept", seq=first, file=layout.relative(path), offset=0) from None


def kept_leaves(layout: Layout, kept: Outline, start: int, count: int) -> list[bytes]:
    """Return the leaf hashes of `count` records from `start` on."""
    with kept_path(layout, kept.header.first).open("rb") as file:
        file.seek(HEADER_BYTES + 32 * (start - kept.header.first))
        raw = file.read(32 * count)
    return [raw[at : at + 32] for at in range(0, len(raw), 32)]


def kept_path(layout: Layout, first: int) -> Path:
    """Return the file that stays of the segment that begins with record `first`."""
    return layout.segments / f"{first:020d}{KEPT}"


def kept_sm3(layout: Layout, kept: Outline) -> bytes:
    """Return the root of a retired segment under SM3; empty where none was kept."""
    with kept_path(layout, kept.header.first).open("rb") as file:
        file.seek(HEADER_BYTES + 32 * kept.header.records + footer_frame_bytes(kept.header))
        found = read_frame(file.read(HEAD_BYTES + 33), 0)
    return found.payload[1:] if found and found.fits and found.payload[0] == SM3 else b""


def retired_until(layout: Layout) -> int:
    """Return the number of the first record that was not retired; retirement goes from the start of the log, always."""
    end = 0
    while (kept := kept_at(layout, end)) is not None:
        end = kept.end
    return end


def keep(layout: Layout, kept: Kept) -> bytes:
    """Write what stays of a segment, durable when this returns; return the digest of the file."""
    content = kept.encode()
    write_durably(kept_path(layout, kept.header.first), content)
    return sha256(content).digest()


def _footer(data: bytes, header: Header) -> Footer:
    found = read_frame(data, 0)
    footer = Footer.decode(found.payload if found and found.fits else b"")
    if (footer.first, footer.count) != (header.first, header.records) or header.span < TILE:
        raise SegmentFormError("footer of another segment")
    return footer


def _frames(data: bytes, at: int) -> list[bytes]:
    """Return the payloads of the frames from `at` to the end of the data, at least one."""
    payloads = []
    while (found := read_frame(data, at)) is not None and found.fits:
        payloads.append(found.payload)
        at = found.end
    if at != len(data) or not payloads:
        raise SegmentFormError("kept frames")
    return payloads


def _stay(payload: bytes, header: Header, leaves: list[bytes]) -> Stay:
    if len(payload) <= _STAY.size or payload[0] != STAY:
        raise SegmentFormError("no record that stays")
    seq, entry = _STAY.unpack_from(payload)[1], payload[_STAY.size :]
    at = seq - header.first
    if not 0 <= at < len(leaves) or leaf_hash(entry) != leaves[at]:
        raise SegmentFormError("record that stays")
    return Stay(seq, entry)


def _size(payload: bytes) -> int:
    if len(payload) != _END.size:
        raise SegmentFormError("no end")
    return int(_END.unpack(payload)[4])


def remove_segments(layout: Layout, firsts: list[int]) -> None:
    """Remove the files of segments, lowest first, each durably: what is gone is always the start of the log."""
    for first in sorted(firsts):
        remove_durably(kept_path(layout, first).with_suffix(".seg"))
