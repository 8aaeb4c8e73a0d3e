"""A CSV file as rows; the first line names the columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from services.importer.block import Block
from services.importer.lines import blocks, header
from services.importer.mapping import Mapping
from services.importer.position import Position, file_digest


class CsvFile:
    """Implements `Rows`; places are lines, the header is line 1."""

    grows = False

    def __init__(self, mapping: Mapping, path: Path) -> None:
        self._form = mapping.form
        self._path = path

    def identity(self) -> bytes:
        """Return the digest of the file."""
        return file_digest(self._path)

    def columns(self) -> list[str]:
        """Return the header; raises FileMissingError, FileBrokenError."""
        return header(self._path, self._form)

    def blocks(self, position: Position) -> Iterator[Block]:
        """Yield the rows; raises FileBrokenError."""
        yield from blocks(self._path, self._form, max(position.next_line, 2))
