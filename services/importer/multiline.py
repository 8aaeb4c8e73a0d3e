"""Files whose quoted fields may hold line ends: rows are told by their quotes, so they are read one by one."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from services.importer.block import Block
from services.importer.mapping import FileForm
from services.importer.place import Place
from services.importer.rejection import Rejection

ROWS = 4_096


def multiline_blocks(lines: Iterator[bytes], form: FileForm, start: int) -> Iterator[Block]:
    """Yield blocks of rows, each numbered by the line it begins on; an open quote ends at the csv module's limit."""
    texts = (line.decode(form.encoding, errors="surrogateescape") for line in lines)
    reader = csv.reader(texts, delimiter=form.delimiter, strict=True)
    numbers: list[Place] = []
    rows: list[list[str]] = []
    rejections: list[Rejection] = []
    ended = False
    while not ended:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            ended = True
        except csv.Error:
            rejections.append(Rejection(line, "importer.quoting"))
        else:
            _take(line, row, numbers, rows, rejections)
        if ended or len(rows) + len(rejections) >= ROWS:
            kept = [i for i, n in enumerate(numbers) if at_or_after(n, start)]
            bad = [r for r in rejections if at_or_after(r.place, start)]
            if kept or bad:
                yield Block(
                    [numbers[i] for i in kept], [rows[i] for i in kept], bad, {"next_line": reader.line_num + 1}
                )
            numbers, rows, rejections = [], [], []


def _take(line: int, row: list[str], numbers: list[Place], rows: list[list[str]], rejections: list[Rejection]) -> None:
    if any(not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text) for text in row):
        rejections.append(Rejection(line, "importer.encoding"))
        return
    numbers.append(line)
    rows.append(row)


def at_or_after(place: Place, line: int) -> bool:
    """Say whether a line is at least the one to begin with."""
    return isinstance(place, int) and place >= line
