"""Runs of 256 records: where each lies in the segments, and its hash. What proofs, search, tiles and witnesses read by.

A run is one tile of the tree (C2SP tlog-tiles, level 0). A table of runs is small, 256 times smaller than the log, and
nobody has to believe it: the root over its hashes is compared with a signed head before anything is said by it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from security.audit.errors import AuditTamperedError
from security.audit.frame import HEAD, HEAD_BYTES
from security.audit.layout import Layout
from security.audit.log_tree import LogTree, perfect_root
from security.audit.record import BODY_AT, PREFIX
from security.audit.segment import COMMIT, FOOTER, HEADER_BYTES, Header, SegmentFormError
from security.audit.tree import TILE

RUN = 1 << TILE
BLOCK = 1 << 20
_MAX_FRAME = 1 << 24
_RECORD = PREFIX[0]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record begins: its number, the first record of its segment file, the offset, and the leaf before it.

    The offset may be that of a commit that stands before the record.
    """

    seq: int
    file: int
    offset: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run: where it begins, and the root of its 256 leaves."""

    place: Place
    tile: bytes

    @property
    def number(self) -> int:
        """Its number, from 0."""
        return self.place.seq >> TILE


class Records(NamedTuple):
    """Records that follow each other: the place of the first, entries E, leaves."""

    place: Place
    entries: list[bytes]
    leaves: list[bytes]


class RecordReader:
    """Reads records from a place on, each chained to the one before; works beside a running writer."""

    def __init__(self, layout: Layout, place: Place | None = None, block: int = BLOCK) -> None:
        self._layout, self._block = layout, block
        self._place = place or first_place(layout)
        self._descriptor = -1
        self._data, self._base, self._at = b"", self._place.offset, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def place(self) -> Place:
        """Where the next record begins."""
        return self._place

    def take(self, count: int) -> Records:
        """Return the next `count` records; AuditTamperedError where they are not there or do not follow each other."""
        start = self._place
        entries: list[bytes] = []
        leaves: list[bytes] = []
        file, prev = start.file, start.prev
        expected, hasher = PREFIX + prev, sha256
        while len(entries) < count:
            payload, end = self._frame(file, start.seq + len(entries))
            kind = payload[0]
            if kind == _RECORD:
                if not payload.startswith(expected) or len(payload) <= BODY_AT:
                    raise self._broken("chain_broken", file, start.seq + len(entries))
                prev = hasher(b"\x00" + payload).digest()
                expected = PREFIX + prev
                entries.append(payload)
                leaves.append(prev)
            elif kind == FOOTER:
                file, end = start.seq + len(entries), 0
                self.close()
                self._data, self._base = b"", HEADER_BYTES
            elif kind != COMMIT:
                raise self._broken("frame_kind", file, start.seq + len(entries))
            self._at = end
        self._place = Place(start.seq + count, file, self._base + self._at, prev)
        return Records(start, entries, leaves)

    def _frame(self, file: int, seq: int) -> tuple[bytes, int]:
        """Return the payload of the next frame, and where it ends in the block."""
        if len(self._data) - self._at < HEAD_BYTES:
            self._fill(file, seq, HEAD_BYTES)
        length, _ = HEAD.unpack_from(self._data, self._at)
        if not length or length > _MAX_FRAME:
            raise self._broken("frame_length" if length else "truncated", file, seq)
        if len(self._data) - self._at < HEAD_BYTES + length:
            self._fill(file, seq, HEAD_BYTES + length)
        start = self._at + HEAD_BYTES
        return self._data[start : start + length], start + length

    def _fill(self, file: int, seq: int, least: int) -> None:
        if self._descriptor < 0:
            path = segment_path(self._layout, file)
            try:
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise AuditTamperedError(kind="segment_missing", seq=seq, file=path.name, offset=0) from None
        self._base += self._at
        self._at = 0
        self._data = os.pread(self._descriptor, max(self._block, least), self._base)
        if len(self._data) < least:
            raise self._broken("truncated", file, seq)

    def _broken(self, kind: str, file: int, seq: int) -> AuditTamperedError:
        name = self._layout.relative(segment_path(self._layout, file))
        return AuditTamperedError(kind=kind, seq=seq, file=name, offset=self._base + self._at)


class RunTable:
    """The runs of a log, as far as they were followed."""

    def __init__(self, directory: Path, runs: Iterable[Run] = (), next_place: Place | None = None) -> None:
        self._layout = Layout(directory)
        self.runs = list(runs)
        self._next = next_place

    @property
    def next_place(self) -> Place:
        """Where the first run begins that is not in the table."""
        if self._next is None:
            self._next = first_place(self._layout)
        return self._next

    def follow(self, size: int, seen: Callable[[Run, Records], None] | None = None) -> None:
        """Take up every whole run below `size`; `seen` is told of each new one.

        Raises:
            AuditTamperedError: the log does not have them.
        """
        if len(self.runs) >= size >> TILE:
            return
        with RecordReader(self._layout, self.next_place) as reader:
            while len(self.runs) < size >> TILE:
                records = reader.take(RUN)
                run = Run(records.place, perfect_root(records.leaves))
                if seen is not None:
                    seen(run, records)
                self.runs.append(run)
                self._next = reader.place

    def read(self, number: int, size: int) -> Records:
        """Read run `number` again, as far as it lies below `size`."""
        place = self.runs[number].place if number < len(self.runs) else self.next_place
        with RecordReader(self._layout, place, block=RUN << 9) as reader:
            return reader.take(min(size - (number << TILE), RUN))

    def tree(self, size: int) -> LogTree:
        """Return the tree of the first `size` records; nothing below a run is read before it is needed."""
        self.follow(size)
        tiles = [run.tile for run in self.runs[: size >> TILE]]
        rest: Sequence[bytes] = self.read(len(tiles), size).leaves if size % RUN else ()
        return LogTree(tiles, rest, lambda number: self.read(number, size).leaves)


def first_place(layout: Layout) -> Place:
    """Return where record 0 begins."""
    layout.require()
    path = segment_path(layout, 0)
    try:
        with path.open("rb") as file:
            header = Header.decode(file.read(HEADER_BYTES))
    except (FileNotFoundError, SegmentFormError):
        raise AuditTamperedError(kind="header", seq=0, file=layout.relative(path), offset=0) from None
    return Place(0, 0, HEADER_BYTES, header.prev)


def segment_path(layout: Layout, first: int) -> Path:
    """Return the segment file that begins with record `first`."""
    return layout.segments / f"{first:020d}.seg"
