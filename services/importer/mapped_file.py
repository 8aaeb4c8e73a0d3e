"""A file whose columns are those the mapping names, since it has no header of its own."""

from __future__ import annotations

from pathlib import Path

from services.importer.lines import open_bytes
from services.importer.mapping import Mapping
from services.importer.position import file_digest


class MappedFile:
    """What `Rows` of such files share; a subclass gives `blocks`."""

    grows = False

    def __init__(self, mapping: Mapping, path: Path) -> None:
        self._mapping = mapping
        self._path = path

    def identity(self) -> bytes:
        """Return the digest of the file."""
        return file_digest(self._path)

    def columns(self) -> list[str]:
        """Return the columns of the mapping; raises FileMissingError."""
        open_bytes(self._path).close()
        return list(self._mapping.columns)
