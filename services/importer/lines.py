"""Files as blocks of rows: streaming, in bounded memory, one bad line costing only itself.

The csv module parses a whole block at the speed of C. Where the rows of a block do not match its lines one to one
(a quote that never closes swallows what follows), the block is parsed again line by line, so that the fault is named
with its own line and its neighbours are kept.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from schemas.errors import NotFoundError, RefusedError
from services.importer.block import Block
from services.importer.mapping import FileForm
from services.importer.multiline import multiline_blocks
from services.importer.place import Place
from services.importer.rejection import Rejection

BLOCK = 1 << 20
LINE_LIMIT = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"


class FileMissingError(NotFoundError):
    """The file to import is not there."""

    code: ClassVar[str] = "importer.file_missing"


class FileBrokenError(RefusedError):
    """The file cannot be read to its end: a damaged or cut archive."""

    code: ClassVar[str] = "importer.file_broken"


def open_bytes(path: Path) -> gzip.GzipFile | io.BufferedReader:
    """Open a file for reading; a gzip archive, told by its first bytes, is unpacked as it is read."""
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == GZIP_MAGIC
        return gzip.open(path, "rb") if packed else path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileMissingError(file=path.name) from error


def header(path: Path, form: FileForm) -> list[str]:
    """Return the names of the columns: the first row of the file."""
    for block in blocks(path, form):
        if block.rows and block.places[0] == 1:
            return block.rows[0]
        break
    raise FileBrokenError(file=path.name, line=1)


def blocks(path: Path, form: FileForm, start: int = 1) -> Iterator[Block]:
    """Yield the file in blocks, from line `start` on.

    Raises:
        FileMissingError: there is no such file.
        FileBrokenError: the archive is damaged; everything before the damage has been yielded.
    """
    with open_bytes(path) as stream:
        if form.multiline:
            yield from multiline_blocks(_physical_lines(path, stream), form, start)
            return
        line = 1
        for raw, overlong in chunks(path, stream):
            count = raw.count(b"\n")
            if line + count > start:
                yield (
                    _overlong(_parse(raw, line, form, start), line + count - 1)
                    if overlong
                    else _parse(raw, line, form, start)
                )
            line += count


def chunks(path: Path, stream: gzip.GzipFile | io.BufferedReader) -> Iterator[tuple[bytes, bool]]:
    """Cut the file into chunks that end at a line end; say whether the last line of one was too long to keep."""
    first = True
    line = 0
    while True:
        overlong = False
        try:
            raw = stream.read(BLOCK)
            if raw and not raw.endswith(b"\n"):
                raw += stream.readline(LINE_LIMIT)
                while not raw.endswith(b"\n") and (rest := stream.readline(LINE_LIMIT)):
                    overlong = True
                    raw = raw if not rest.endswith(b"\n") else raw + b"\n"
        except (EOFError, OSError, zlib.error) as error:
            raise FileBrokenError(file=path.name, line=line + 1) from error
        if not raw:
            return
        if not raw.endswith(b"\n"):
            raw += b"\n"
        line += raw.count(b"\n")
        yield raw.removeprefix(BOM) if first else raw, overlong
        first = False


def _physical_lines(path: Path, stream: gzip.GzipFile | io.BufferedReader) -> Iterator[bytes]:
    for raw, _ in chunks(path, stream):
        yield from raw.splitlines(keepends=True)


def _parse(raw: bytes, first: int, form: FileForm, start: int) -> Block:
    body = raw.removesuffix(b"\n")
    try:
        lines = body.decode(form.encoding).split("\n")
        rows = list(csv.reader(lines, delimiter=form.delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return _parse_singly(body, first, form, start)
    if len(rows) != len(lines):
        return _parse_singly(body, first, form, start)
    numbers: Sequence[int] = range(first, first + len(rows))
    if start > first:
        rows, numbers = rows[start - first :], numbers[start - first :]
    return Block(numbers, rows, [], {"next_line": first + len(lines)})


def _parse_singly(body: bytes, first: int, form: FileForm, start: int) -> Block:
    numbers: list[Place] = []
    rows: list[list[str]] = []
    rejections: list[Rejection] = []
    number = first
    for number, raw in enumerate(body.split(b"\n"), first):
        if number < start:
            continue
        try:
            parsed = list(csv.reader([raw.decode(form.encoding)], delimiter=form.delimiter, strict=True))
        except UnicodeDecodeError:
            rejections.append(Rejection(number, "importer.encoding"))
        except csv.Error:
            rejections.append(Rejection(number, "importer.quoting"))
        else:
            numbers.append(number)
            rows.extend(parsed or [[]])
    return Block(numbers, rows, rejections, {"next_line": number + 1})


def _overlong(block: Block, line: int) -> Block:
    """Put the last line, of which only a part was kept, among the rejections."""
    kept = [(n, r) for n, r in zip(block.places, block.rows, strict=True) if n != line]
    others = [r for r in block.rejections if r.place != line]
    rejections = [*others, Rejection(line, "importer.line_too_long")]
    return Block([n for n, _ in kept], [r for _, r in kept], rejections, block.reached)
