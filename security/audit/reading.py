"""Reading a log without writing it: its records, and proofs for them. Works beside a running writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, VerifierKey, opened, unverified
from security.audit.errors import AuditTamperedError, NoteError, RecordMissingError
from security.audit.layout import Layout
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

    Every record before `start` is checked too. Ends at the last whole group.

    Raises:
        AuditMissingError: there is no log.
        AuditTamperedError: a break below the published head, or in any but the last segment.
    """
    for path, _header, _chain, groups in _segments(directory):
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
    """Yield the whole groups of a log with their entries, each checked on the way; raises as `read` does."""
    for _path, _header, _chain, groups in _segments(directory):
        yield from groups


def find(directory: Path, seq: int) -> Stored:
    """Return record `seq`; RecordMissingError where the log ends before it."""
    stored = next(read(directory, seq), None)
    if stored is None or seq < 0:
        raise RecordMissingError(seq=seq, size=_size(directory))
    return stored


def prove(directory: Path, seq: int, key: VerifierKey) -> dict[str, Any]:
    """Return record `seq` with its inclusion proof under the published signed head, as a JSON document.

    `proof` lists hex hashes from the leaf upwards (RFC 6962 §2.1.1); `checkpoint` is the signed note. The proof is
    checked against the signed root before it is returned.

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
    entry, proof = _entry_and_proof(directory, seq, head)
    if not inclusion_holds(leaf_hash(entry), seq, head.size, proof, head.root):
        raise AuditTamperedError(kind="head_root", seq=head.size, file=layout.checkpoint.name, offset=0)
    return {
        "seq": seq,
        "entry": entry.hex(),
        "leaf": leaf_hash(entry).hex(),
        "record": entry[BODY_AT:].decode(),
        "size": head.size,
        "root": head.root.hex(),
        "proof": [node.hex() for node in proof],
        "checkpoint": note,
    }


def _entry_and_proof(directory: Path, seq: int, head: Checkpoint) -> tuple[bytes, list[bytes]]:
    """Return record `seq` and its path in the tree of the signed size.

    A full segment stands in the tree by its root alone, so that a log of any length fits in memory; the path inside the
    segment of `seq` is made while it is read.
    """
    tree, found, inside, span = Tree(), b"", list[bytes](), 0
    for _path, header, chain, groups in _segments(directory):
        leaves: list[bytes] = []
        for group in groups:
            leaves += group.leaves
            if group.first <= seq < group.commit.size:
                found = group.entries[seq - group.first]
        if len(leaves) < header.records or chain.size > head.size:
            tree.extend(leaves[: head.size - header.first])
        else:
            tree.add_subtree(header.span, chain.tree.node(header.span, header.first >> header.span))
            if header.first <= seq < chain.size:
                segment, span = Tree(), header.span
                segment.extend(leaves)
                inside = segment.inclusion_proof(seq - header.first, header.records)
        if tree.size >= head.size:
            return found, inside + tree.inclusion_proof(seq, head.size, span)
    raise RecordMissingError(seq=seq, size=tree.size)


def _segments(directory: Path) -> Iterator[tuple[str, Header, Chain, Iterator[Group]]]:
    """Yield each segment: its file inside the log, header, the state behind what was read so far, and its groups."""
    layout = Layout(directory)
    layout.require()
    head = _published(layout)
    files = layout.segment_files()
    chain: Chain | None = None
    for path in files:
        name = layout.relative(path)
        data = path.read_bytes()
        try:
            header = Header.decode(data)
        except SegmentFormError:
            raise _tampered(name, Break("header", chain.size if chain else 0, 0)) from None
        if chain is None:
            chain = Chain.begin(head.origin, header.nonce, header.span)
        chain.span = header.span
        if not chain.continued_by(header):
            raise _tampered(name, Break("header_link", chain.size, 0))
        chain.tree.prune(chain.size)
        walk = Walk(data, header, chain, entries=True)
        yield name, header, chain, iter(walk)
        if walk.broken and (chain.size < head.size or path != files[-1]):
            raise _tampered(name, walk.broken)


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
