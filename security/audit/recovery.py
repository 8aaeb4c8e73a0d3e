"""Opening a log after whatever happened to it: how far it is whole, what is a torn tail, what is tamper (ADR 0005).

`examine` only reads. `resume` quarantines a torn tail, cuts it off, and goes on writing where the log ends. Segments
that lie wholly below every signed head are taken by their footers: the signed root vouches for their subtrees; `verify`
reads their bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from security.audit.builder import GroupBuilder
from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint
from security.audit.classify import commits_after
from security.audit.errors import AuditRolledBackError, AuditTamperedError
from security.audit.files import sync_directory, write_new
from security.audit.kept import kept_leaves, outline
from security.audit.layout import KEPT, Layout
from security.audit.record import BODY_AT, decode
from security.audit.segment import HEADER_BYTES, ZERO, Header, SegmentFormError
from security.audit.segment_file import Digest, SegmentFile
from security.audit.walk import Break, Walk, first_not_zero, footer_frame_bytes, last_footer

PENDING = ".pending"


@dataclass(frozen=True, slots=True)
class TornTail:
    """Bytes behind the last whole group: not acknowledged, not signed.

    Attributes:
        kind: `torn_tail`, or `tail_not_zero` in a log that was stopped cleanly.
        seq: number that the first lost record would have. offset: where the bytes start. size: how many, without the
            zeros after them. commits: whole commit frames among them; a power loss leaves at most one.
    """

    kind: str
    seq: int
    path: Path
    offset: int
    size: int
    commits: int


@dataclass(slots=True)
class Found:
    """What is on disk: the state to go on from, and the last segment."""

    chain: Chain
    header: Header
    path: Path
    end: int = 0
    digest: Digest = field(default_factory=sha256)
    finished: bool = False
    tail: TornTail | None = None


def examine(layout: Layout, origin: str, heads: Sequence[Checkpoint], floor: int = 0) -> Found | None:
    """Read a log up to its last whole group; None where it has no segment yet.

    Args:
        layout: its files.
        origin: its name, as in its heads.
        heads: signed heads that it must continue.
        floor: number of records that it must have, known from elsewhere (the bus).

    Raises:
        AuditTamperedError: bytes below the floor, or in any but the last segment, are not what was written.
        AuditRolledBackError: the log ends below the floor.
    """
    files = layout.pieces()
    least = max([floor, *(head.size for head in heads)])
    if not files:
        if least:
            raise AuditRolledBackError(have=0, need=least)
        return None
    headers = [_header(layout, path) for path in files]
    found = Found(Chain.begin(origin, headers[0].nonce, headers[0].span), headers[0], files[0])
    lowest = min((head.size for head in heads), default=0)
    for path, header in zip(files, headers, strict=True):
        last = path == files[-1]
        if path.suffix == KEPT:
            _take_kept(layout, path, found, heads, last=last)
        elif not last and header.first + header.records <= lowest:
            _pass_over(layout, path, header, found.chain)
            _check_heads(layout, path, found.chain, heads)
        else:
            _walk(layout, path, header, found, heads, last=last, least=least, lowest=lowest)
    if found.path.suffix == KEPT and found.chain.size < least:
        raise AuditRolledBackError(have=found.chain.size, need=least)
    return found


def resume(layout: Layout, found: Found, builder: GroupBuilder, file: SegmentFile) -> None:
    """Repair the log, and have `file` go on where it ends: a segment that is full is left, with its footer."""
    _repair(layout, found)
    file.resume(found.path, found.end)
    if found.finished:
        builder.header = None
        file.close()
    elif footer := builder.footer():
        file.finish(footer)


def _repair(layout: Layout, found: Found) -> None:
    """Copy a torn tail to quarantine, then cut the last segment behind its last whole group."""
    if found.tail is not None:
        with found.path.open("rb") as file:
            file.seek(found.tail.offset)
            lost = file.read(found.tail.size)
        name = f"{found.tail.seq:020d}-{sha256(lost).hexdigest()[:16]}.tail{PENDING}"
        write_new(layout.quarantine / name, lost)
        sync_directory(layout.quarantine)
    if found.tail is not None or found.finished:
        descriptor = os.open(found.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, found.end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _header(layout: Layout, path: Path) -> Header:
    with path.open("rb") as file:
        raw = file.read(HEADER_BYTES)
    try:
        return Header.decode(raw)
    except SegmentFormError:
        raise _tampered(layout, path, Break("header", int(path.stem) if path.stem.isdigit() else 0, 0)) from None


def _pass_over(layout: Layout, path: Path, header: Header, chain: Chain) -> None:
    """Take a full segment by its footer. The leaf before it is taken from its header: the signed root covers it."""
    chain.prev = header.prev
    chain.span = header.span
    with path.open("rb") as file:
        at = max(file.seek(0, os.SEEK_END) - footer_frame_bytes(header), 0)
        file.seek(at)
        footer = last_footer(file.read(), header)
    if footer is None:
        raise _tampered(layout, path, Break("footer", header.first, at))
    if not chain.continued_by(header):
        raise _tampered(layout, path, Break("header_link", header.first, 0))
    chain.tree.add_subtree(header.span, footer.root)
    chain.digest, chain.ts, chain.epoch = footer.digest, footer.last_ts, header.epoch


def _take_kept(layout: Layout, path: Path, found: Found, heads: Sequence[Checkpoint], *, last: bool) -> None:
    """Take a retired segment by the hashes that stay; the signed root covers them, `verify` asks who retired it."""
    chain = found.chain
    try:
        kept = outline(path)
    except SegmentFormError:
        raise _tampered(layout, path, Break("kept", chain.size, 0)) from None
    chain.prev, chain.span = kept.header.prev, kept.header.span
    if not chain.continued_by(kept.header):
        raise _tampered(layout, path, Break("header_link", chain.size, 0))
    if any(chain.size < head.size < kept.end for head in heads):
        for leaf in kept_leaves(layout, kept, chain.size, kept.header.records):
            chain.tree.extend([leaf])
            _check_heads(layout, path, chain, heads)
    else:
        chain.tree.add_subtree(kept.header.span, kept.footer.root)
    chain.prev, chain.digest, chain.ts = kept.last, kept.footer.digest, kept.footer.last_ts
    chain.epoch = kept.header.epoch
    _check_heads(layout, path, chain, heads)
    if last:
        found.header, found.path, found.end, found.finished = kept.header, path, path.stat().st_size, True


def _walk(
    layout: Layout,
    path: Path,
    header: Header,
    found: Found,
    heads: Sequence[Checkpoint],
    *,
    last: bool,
    least: int,
    lowest: int,
) -> None:
    chain = found.chain
    if chain.digest != ZERO and not found.end:
        chain.prev = header.prev  # the segment before was passed over
    chain.span = header.span
    if not chain.continued_by(header):
        raise _tampered(layout, path, Break("header_link", chain.size, 0))
    chain.tree.prune(min(lowest, chain.size))
    data = path.read_bytes()
    walk = Walk(data, header, chain, entries=True)
    _check_heads(layout, path, chain, heads)
    for group in walk:
        if group.first == header.first:
            chain.first_ts = decode(group.entries[0][BODY_AT:]).ts
        _check_heads(layout, path, chain, heads)
    broken = walk.broken
    if (broken or not walk.footer) and not last:
        raise _tampered(layout, path, broken or Break("footer", chain.size, walk.end))
    if last and chain.size < least:
        if broken is None:
            raise AuditRolledBackError(have=chain.size, need=least)
        raise _tampered(layout, path, broken)
    found.header, found.path, found.end = header, path, walk.end
    found.digest, found.finished = walk.hashed(), walk.footer is not None
    found.tail = _tail(layout, path, data, walk, chain.size)


def _tail(layout: Layout, path: Path, data: bytes, walk: Walk, size: int) -> TornTail | None:
    at = first_not_zero(data, walk.end)
    if at is None:
        return None
    length = len(data.rstrip(b"\0")) - walk.end
    kind = "tail_not_zero" if stopped_cleanly(layout) else "torn_tail"
    return TornTail(kind, size, path, walk.end, length, commits_after(data, walk.end, size))


def stopped_cleanly(layout: Layout) -> bool:
    """Tell whether the mark of a clean stop is there and fits the newest head."""
    try:
        return layout.clean.read_bytes() == layout.checkpoint.read_bytes()
    except FileNotFoundError:
        return False


def _check_heads(layout: Layout, path: Path, chain: Chain, heads: Sequence[Checkpoint]) -> None:
    for head in heads:
        if head.size == chain.size and head.root != chain.tree.root():
            raise _tampered(layout, path, Break("head_root", head.size, 0))


def _tampered(layout: Layout, path: Path, broken: Break) -> AuditTamperedError:
    return AuditTamperedError(kind=broken.kind, seq=broken.seq, file=layout.relative(path), offset=broken.offset)
