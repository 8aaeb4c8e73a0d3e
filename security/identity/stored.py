"""A private JSON file of typed entries by name: what accounts and tokens are kept in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from schemas.errors import IntegrityError
from security.private_file import PrivateFile

T = TypeVar("T")


class IdentityDamagedError(IntegrityError):
    """A file of accounts or tokens does not parse."""

    code = "identity.damaged"


class StoredEntries(Generic[T]):
    """Entries by name in one private file; read at every look-up, so that a change elsewhere counts at once."""

    def __init__(self, path: Path, kind: Any) -> None:
        self._file = PrivateFile(path)
        self._decoder = msgspec.json.Decoder(dict[str, kind])

    def load(self) -> dict[str, T]:
        """Return all entries; a missing file has none. Raises `IdentityDamagedError`, `PrivateFileError`."""
        content = self._file.read()
        if content is None:
            return {}
        try:
            entries: dict[str, T] = self._decoder.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise IdentityDamagedError(file=self._file.path.name) from None
        return entries

    def stamp(self) -> tuple[int, int] | None:
        """Return what changes whenever the file does: a reader that keeps entries looks at it before each use."""
        return self._file.stamp()

    def change(self, change: Callable[[dict[str, T]], None]) -> None:
        """Apply `change` to the entries; durable when this returns."""
        with self._file.locked():
            entries = self.load()
            change(entries)
            self._file.write(msgspec.json.format(msgspec.json.encode(entries, order="sorted")) + b"\n")
