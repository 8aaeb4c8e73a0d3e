"""How far an import has come, kept durable: running the same command again goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import ClassVar

import msgspec

from schemas.errors import UnavailableError
from services.importer.mapping import Mapping

CHUNK = 1 << 20


class PositionError(UnavailableError):
    """The position cannot be written: a full disk, a folder without write permission."""

    code: ClassVar[str] = "importer.position"


class Position(msgspec.Struct, frozen=True):
    """The next line to read, and what the lines before it came to; `accepted` includes `repeated`."""

    next_line: int = 2
    read: int = 0
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    rejects_bytes: int = 0
    done: bool = False


class PositionFile:
    """The position of one file read by one mapping, in `folder`; another file or another mapping is another import."""

    def __init__(self, folder: Path, mapping: Mapping, file: Path) -> None:
        name = f"{mapping.name}-{import_key(mapping, file)[:16]}"
        self._folder = folder
        self._path = folder / f"{name}.position.json"
        self.rejects = folder / f"{name}.rejects.jsonl"

    def load(self) -> Position:
        """Return the kept position, or the beginning."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Position)
        except (OSError, msgspec.MsgspecError):
            # A position that cannot be read costs a second reading only: repeats are harmless.
            return Position()

    def save(self, position: Position) -> None:
        """Keep a position: whole or not at all, and durable."""
        draft = self._path.with_suffix(".draft")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as stream:
                stream.write(msgspec.json.encode(position))
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise PositionError(file=self._path.name, reason=error.strerror or "I/O") from error


def import_key(mapping: Mapping, file: Path) -> str:
    """Name an import by what it reads and how: the digests of the file and of the mapping, hex."""
    digest = hashlib.sha256(f"casebus-import-v1\0{mapping.digest}\0".encode())
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def after(position: Position, **changes: int | bool) -> Position:
    """Return the position with some of its numbers changed."""
    return msgspec.structs.replace(position, **changes)
