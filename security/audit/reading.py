"""Reading a log without writing it: its records, and proofs for them. Works beside a running writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, VerifierKey, opened, unverified
from security.audit.errors import (
    AuditTamperedError,
    AuditUnreadableError,
    NoteError,
    RecordMissingError,
    RecordRetiredError,
)
from security.audit.kept import Kept
from security.audit.layout import KEPT, Layout
from security.audit.pipeline import name_of
from security.audit.proofs import inclusion_holds
from security.audit.record import BODY_AT, Entry, FormError, decode
from security.audit.segment import Header, SegmentFormError
from security.audit.tree import Tree, leaf_hash
from security.audit.walk import Break, Group, Walk


@dataclass(frozen=True, slots=True)
class Stored:
    """A record where it lies: its number, the entry's bytes E, its leaf, the file inside the log."""

    seq: int
    entry: bytes
    leaf: bytes
    file: str

    @property
    def record(self) -> Entry:
        """The record; AuditTamperedError where its body is not canonical."""
        try:
            return decode(self.entry[BODY_AT:])
        except FormError:
            raise AuditTamperedError(kind="record_form", seq=self.seq, file=self.file, offset=0) from None


def read(directory: Path, start: int = 0) -> Iterator[Stored]:
    """Yield the records from number `start` on, each with its chain, checksum and commit checked on the way.

    Every record before `start` is checked too. Ends at the last whole group. Of a retired segment only the records come
    that stay (`security/audit/kept.py`).

    Raises:
        AuditMissingError: there is no log.
        AuditTamperedError: a break below the published head, or in any but the last segment.
    """
    for path, _header, _chain, groups, kept, _walk in segments_of(directory):
        for stay in kept.stays if kept else ():
            if stay.seq >= start:
                yield Stored(stay.seq, stay.entry, leaf_hash(stay.entry), path)
        for group in groups:
            for seq, entry, leaf in zip(
                range(group.first, group.commit.size), group.entries, group.leaves, strict=True
            ):
                if seq >= start:
                    yield Stored(seq, entry, leaf, path)


def naming_blobs(directory: Path) -> Iterator[Entry]:
    """Yield the records that name blobs, or that erased them."""
    for stored in read(directory):
        if b'"pii":' in stored.entry or b'"act":"erase"' in stored.entry:
            yield stored.record


def groups_of(directory: Path) -> Iterator[Group]:
    """Yield the whole groups of a log with their entries, each checked on the way; raises as `read` does.

    Retired segments, which a log can have at its start, hold none.
    """
    for _path, _header, _chain, groups, _kept, _walk in segments_of(directory):
        yield from groups


def find(directory: Path, seq: int) -> Stored:
    """Return record `seq`.

    Raises:
        RecordMissingError: the log ends before it. RecordRetiredError: its retention has ended.
    """
    stored = next(read(directory, seq), None)
    if stored is None or seq < 0:
        raise RecordMissingError(seq=seq, size=_size(directory))
    if stored.seq != seq:
        raise RecordRetiredError(seq=seq)
    return stored


def prove(directory: Path, seq: int, key: VerifierKey) -> dict[str, Any]:
    """Return record `seq` with its inclusion proof under the published signed head, as a JSON document.

    `proof` lists hex hashes from the leaf upwards (RFC 6962 §2.1.1); `checkpoint` is the signed note. The proof is
    checked against the signed root before it is returned. Of a retired record there are leaf and proof alone.

    Raises:
        RecordMissingError: the published head does not cover the record.
        NoteError: the head is not signed by `key`. AuditTamperedError: the log does not have the signed root.
    """
    layout = Layout(directory)
    layout.require()
    note = layout.checkpoint.read_text(encoding="utf-8")
    head = opened(note, key)
    if not 0 <= seq < head.size:
        raise RecordMissingError(seq=seq, size=head.size)
    entry, leaf, proof = _entry_and_proof(directory, seq, head)
    if not inclusion_holds(leaf, seq, head.size, proof, head.root):
        raise AuditTamperedError(kind="head_root", seq=head.size, file=layout.checkpoint.name, offset=0)
    said = {"entry": entry.hex(), "record": entry[BODY_AT:].decode()} if entry else {"retired": True}
    return {
        "seq": seq,
        "leaf": leaf.hex(),
        **said,
        "size": head.size,
        "root": head.root.hex(),
        "proof": [node.hex() for node in proof],
        "checkpoint": note,
    }


def _entry_and_proof(directory: Path, seq: int, head: Checkpoint) -> tuple[bytes, bytes, list[bytes]]:
    """Return record `seq` (nothing where it was retired), its leaf, and its path in the tree of the signed size.

    A full segment stands in the tree by its root alone, so that a log of any length fits in memory; the path inside the
    segment of `seq` is made while it is read.
    """
    tree, found, leaf, inside, span = Tree(), b"", b"", list[bytes](), 0
    for _path, header, chain, groups, kept, _walk in segments_of(directory):
        leaves = list(kept.leaves) if kept else list[bytes]()
        for stay in kept.stays if kept else ():
            if stay.seq == seq:
                found = stay.entry
        for group in groups:
            leaves += group.leaves
            if group.first <= seq < group.commit.size:
                found = group.entries[seq - group.first]
        if header.first <= seq < header.first + len(leaves):
            leaf = leaves[seq - header.first]
        if len(leaves) < header.records or chain.size > head.size:
            tree.extend(leaves[: head.size - header.first])
        else:
            tree.add_subtree(header.span, chain.tree.node(header.span, header.first >> header.span))
            if header.first <= seq < chain.size:
                segment, span = Tree(), header.span
                segment.extend(leaves)
                inside = segment.inclusion_proof(seq - header.first, header.records)
        if tree.size >= head.size:
            return found, leaf, inside + tree.inclusion_proof(seq, head.size, span)
    raise RecordMissingError(seq=seq, size=tree.size)


class Segment(NamedTuple):
    """A segment: its file inside the log, header, the state behind what was read so far, its groups; what stays.

    `walk` tells, once the groups were read, where they ended and whether the segment is full.
    """

    name: str
    header: Header
    chain: Chain
    groups: Iterator[Group]
    kept: Kept | None = None
    walk: Walk | None = None


def segments_of(directory: Path) -> Iterator[Segment]:
    """Yield each segment in order; of a retired one the state is that behind it, and there are no groups."""
    layout = Layout(directory)
    layout.require()
    head = _published(layout)
    files = layout.pieces()
    chain: Chain | None = None
    for path in files:
        name = layout.relative(path)
        data = _content(layout, path)
        try:
            kept = Kept.decode(data) if path.suffix == KEPT else None
            header = Header.decode(data)
        except SegmentFormError:
            kind = "kept" if path.suffix == KEPT else "header"
            raise _tampered(name, Break(kind, chain.size if chain else 0, 0)) from None
        if chain is None:
            chain = Chain.begin(head.origin, header.nonce, header.span)
        chain.span = header.span
        if not chain.continued_by(header):
            raise _tampered(name, Break("header_link", chain.size, 0))
        chain.tree.prune(chain.size)
        if kept is not None:
            chain.retired(header, kept.footer, kept.leaves)
            yield Segment(name, header, chain, iter(()), kept)
            continue
        walk = Walk(data, header, chain, entries=True)
        yield Segment(name, header, chain, iter(walk), None, walk)
        if walk.broken and (chain.size < head.size or path != files[-1]):
            raise _tampered(name, walk.broken)


def _content(layout: Layout, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuditUnreadableError(file=layout.relative(path), reason=name_of(error)) from error


def _published(layout: Layout) -> Checkpoint:
    """Return the published head, its signature unseen: reading needs the log's name, `verify` checks the signature."""
    try:
        return unverified(layout.checkpoint.read_text(encoding="utf-8"))
    except (FileNotFoundError, NoteError, UnicodeDecodeError):
        raise AuditTamperedError(kind="head_missing", seq=0, file=layout.checkpoint.name, offset=0) from None


def _size(directory: Path) -> int:
    size = 0
    for stored in read(directory):
        size = stored.seq + 1
    return size


def _tampered(file: str, broken: Break) -> AuditTamperedError:
    return AuditTamperedError(kind=broken.kind, seq=broken.seq, file=file, offset=broken.offset)
