"""Runs of 256 records: where each lies in the segments, and its hash. What proofs, search, tiles and witnesses read by.

A run is one tile of the tree (C2SP tlog-tiles, level 0). A table of runs is small, 256 times smaller than the log, and
nobody has to believe it: the root over its hashes is compared with a signed head before anything is said by it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from security.audit.errors import AuditTamperedError, RecordRetiredError
from security.audit.frame import HEAD, HEAD_BYTES
from security.audit.kept import Outline, kept_at, kept_leaves, kept_sm3, retired_until
from security.audit.layout import Layout
from security.audit.log_tree import LogTree, perfect_root
from security.audit.record import BODY_AT, PREFIX
from security.audit.segment import COMMIT, FOOTER, HEADER_BYTES, Header, SegmentFormError
from security.audit.tree import TILE

RUN = 1 << TILE
BLOCK_RECORDS = 16
"""Records of a block: what is read to prove one record, beside the roots of the run's other blocks."""
BYTES = 1 << 20
"""Bytes read at a time."""
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


class Block(NamedTuple):
    """Sixteen records of a run: where they begin, and the root of their leaves."""

    place: Place
    root: bytes


class RecordReader:
    """Reads records from a place on, each chained to the one before; works beside a running writer."""

    def __init__(self, layout: Layout, place: Place | None = None, block: int = BYTES) -> None:
        self._layout, self._block = layout, block
        place = _behind_retired(layout, place or first_place(layout))
        self._seq, self._file, self._prev = place.seq, place.file, place.prev
        self._descriptor = -1
        self._data, self._base, self._at = b"", place.offset, 0
        self._frames = self._read()

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
        return Place(self._seq, self._file, self._base + self._at, self._prev)

    def take(self, count: int) -> Records:
        """Return the next `count` records; AuditTamperedError where they are not there or do not follow each other."""
        start = self.place
        entries: list[bytes] = []
        leaves: list[bytes] = []
        while len(entries) < count:
            entry = next(self._frames)
            if entry:
                entries.append(entry)
                leaves.append(self._prev)
        return Records(start, entries, leaves)

    def rest(self, least: int) -> Records:
        """Return every record from here to the last commit; what stands behind it is not durable, or a torn tail.

        Raises:
            AuditTamperedError: the log breaks before record number `least`.
        """
        start, entries, leaves = self.place, list[bytes](), list[bytes]()
        whole = 0
        try:
            for entry in self._frames:
                if entry:
                    entries.append(entry)
                    leaves.append(self._prev)
                else:
                    whole = len(entries)
        except AuditTamperedError:
            if start.seq + whole < least:
                raise
        return Records(start, entries[:whole], leaves[:whole])

    def _read(self) -> Iterator[bytes]:
        """Yield each entry, its leaf left in `_prev`, and nothing for each commit; the hot loop of reading."""
        hasher, head, unpack, prefix = sha256, HEAD_BYTES, HEAD.unpack_from, PREFIX
        while True:
            data, at = self._data, self._at
            end = at + head
            if end <= len(data):
                end += unpack(data, at)[0]
            # The rare cases, the end of the block and the end of the log, are the other method's.
            payload = data[at + head : end] if at + head < end <= len(data) else self._payload()
            kind = payload[0]
            if kind == _RECORD:
                if not payload.startswith(prefix + self._prev) or len(payload) <= BODY_AT:
                    raise self._broken("chain_broken")
                self._prev = hasher(b"\x00" + payload).digest()
                self._seq += 1
                self._at += head + len(payload)
                yield payload
            elif kind == COMMIT:
                self._at += head + len(payload)
                yield b""
            elif kind == FOOTER:
                self.close()
                self._file = self._seq
                self._data, self._base, self._at = b"", HEADER_BYTES, 0
            else:
                raise self._broken("frame_kind")

    def _payload(self) -> bytes:
        """Return the payload of the next frame."""
        if len(self._data) - self._at < HEAD_BYTES:
            self._fill(HEAD_BYTES)
        length, _ = HEAD.unpack_from(self._data, self._at)
        if not length or length > _MAX_FRAME:
            raise self._broken("frame_length" if length else "truncated")
        if len(self._data) - self._at < HEAD_BYTES + length:
            self._fill(HEAD_BYTES + length)
        start = self._at + HEAD_BYTES
        return self._data[start : start + length]

    def _fill(self, least: int) -> None:
        if self._descriptor < 0:
            path = segment_path(self._layout, self._file)
            if kept_at(self._layout, self._file):
                raise RecordRetiredError(seq=self._seq)
            try:
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise self._broken("segment_missing") from None
        self._base += self._at
        self._at = 0
        self._data = os.pread(self._descriptor, max(self._block, least), self._base)
        if len(self._data) < least:
            raise self._broken("truncated")

    def _broken(self, kind: str) -> AuditTamperedError:
        name = self._layout.relative(segment_path(self._layout, self._file))
        return AuditTamperedError(kind=kind, seq=self._seq, file=name, offset=self._base + self._at)


class RunTable:
    """The runs of a log, as far as they were followed; `seen` is told of each new one, once the table has it."""

    def __init__(
        self,
        directory: Path,
        runs: Iterable[Run] = (),
        next_place: Place | None = None,
        seen: Callable[[Place, Run, Sequence[Block], Sequence[Records]], None] | None = None,
    ) -> None:
        self._layout = Layout(directory)
        self.runs = list(runs)
        self._next = next_place
        self._seen = seen

    @property
    def next_place(self) -> Place:
        """Where the first run begins that is not in the table."""
        if self._next is None:
            self._next = first_place(self._layout)
        return self._next

    def follow(self, size: int) -> None:
        """Take up every whole run below `size`.

        Raises:
            AuditTamperedError: the log does not have them.
        """
        if len(self.runs) >= size >> TILE:
            return
        while kept := kept_at(self._layout, len(self.runs) << TILE):
            self._follow_retired(kept)
        with RecordReader(self._layout, self.next_place) as reader:
            while len(self.runs) < size >> TILE:
                parts = [reader.take(BLOCK_RECORDS) for _ in range(RUN // BLOCK_RECORDS)]
                blocks = [Block(part.place, perfect_root(part.leaves)) for part in parts]
                run = Run(parts[0].place, perfect_root([block.root for block in blocks]))
                self._take(run, reader.place, blocks, parts)

    def _follow_retired(self, kept: Outline) -> None:
        """Take up the runs of a retired segment by its footer: they have hashes and no records."""
        for at, tile in enumerate(kept.footer.tiles, 1):
            seq = len(self.runs) << TILE
            done = at == len(kept.footer.tiles)
            following = Place(kept.end, kept.end, HEADER_BYTES, kept.last) if done else Place(seq + RUN, 0, 0, b"")
            self._take(Run(Place(seq, kept.header.first, 0, b""), tile), following, (), ())

    def _take(self, run: Run, following: Place, blocks: Sequence[Block], parts: Sequence[Records]) -> None:
        self.runs.append(run)
        self._next = following
        if self._seen is not None:
            self._seen(following, run, blocks, parts)

    @property
    def retired(self) -> int:
        """How many runs at the start of the log were retired: they have hashes and no records."""
        return retired_until(self._layout) >> TILE

    def retired_sm3(self) -> Iterator[tuple[int, bytes]]:
        """Yield, for each retired segment from the start, log2 of its records and its root under SM3, or nothing."""
        first = 0
        while (kept := kept_at(self._layout, first)) is not None:
            yield kept.header.span, kept_sm3(self._layout, kept)
            first = kept.end

    def leaves(self, number: int, size: int) -> list[bytes]:
        """Return the leaf hashes of run `number`, as far as it lies below `size`; those of a retired run too."""
        kept = kept_at(self._layout, self.runs[number].place.file) if number < len(self.runs) else None
        return kept_leaves(self._layout, kept, number << TILE, RUN) if kept else self.read(number, size).leaves

    def read(self, number: int, size: int) -> Records:
        """Read run `number` again, as far as it lies below `size`; RecordRetiredError where it was retired."""
        place = self.runs[number].place if number < len(self.runs) else self.next_place
        with RecordReader(self._layout, place, block=RUN << 9) as reader:
            return reader.take(min(size - (number << TILE), RUN))

    def read_block(self, place: Place) -> Records:
        """Read the block that begins at `place`."""
        with RecordReader(self._layout, place, block=BLOCK_RECORDS << 9) as reader:
            return reader.take(BLOCK_RECORDS)

    def rest(self, size: int) -> Records:
        """Read everything behind the whole runs below `size`, beyond `size` too, up to the last commit."""
        self.follow(size)
        place = self.runs[size >> TILE].place if size >> TILE < len(self.runs) else self.next_place
        with RecordReader(self._layout, place) as reader:
            return reader.rest(size)

    def tree(self, size: int) -> LogTree:
        """Return the tree of the first `size` records; nothing below a run is read before it is needed."""
        self.follow(size)
        tiles = [run.tile for run in self.runs[: size >> TILE]]
        rest: Sequence[bytes] = self.read(len(tiles), size).leaves if size % RUN else ()
        return LogTree(tiles, rest, lambda number: self.leaves(number, size))


def first_place(layout: Layout) -> Place:
    """Return where record 0 begins."""
    layout.require()
    if kept := kept_at(layout, 0):
        return Place(0, 0, HEADER_BYTES, kept.header.prev)
    path = segment_path(layout, 0)
    try:
        with path.open("rb") as file:
            header = Header.decode(file.read(HEADER_BYTES))
    except (FileNotFoundError, SegmentFormError):
        raise AuditTamperedError(kind="header", seq=0, file=layout.relative(path), offset=0) from None
    return Place(0, 0, HEADER_BYTES, header.prev)


def whole_runs(layout: Layout, count: int) -> Iterator[Records]:
    """Yield the first `count` runs, each record chained to the one before; retired ones have leaves and no entries."""
    number, place = 0, first_place(layout)
    while number < count and (kept := kept_at(layout, number << TILE)):
        for at in range(min(len(kept.footer.tiles), count - number)):
            seq = (number + at) << TILE
            yield Records(Place(seq, kept.header.first, 0, b""), [], kept_leaves(layout, kept, seq, RUN))
        number, place = number + len(kept.footer.tiles), Place(kept.end, kept.end, HEADER_BYTES, kept.last)
    with RecordReader(layout, place) as reader:
        for _ in range(number, count):
            yield reader.take(RUN)


def _behind_retired(layout: Layout, place: Place) -> Place:
    """Return a place at the end of a segment that was retired meanwhile as the beginning of the next one."""
    kept = kept_at(layout, place.file)
    return Place(kept.end, kept.end, HEADER_BYTES, place.prev) if kept and kept.end == place.seq else place


def segment_path(layout: Layout, first: int) -> Path:
    """Return the segment file that begins with record `first`."""
    return layout.segments / f"{first:020d}.seg"
