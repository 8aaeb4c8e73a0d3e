"""How far an import has come, kept durable: running the same command again goes on where it stopped."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from schemas.errors import UnavailableError
from security.audit.files import write_durably
from services.importer.mapping import Mapping


class PositionError(UnavailableError):
    """The position cannot be written: a full disk, a folder without write permission."""

    code: ClassVar[str] = "importer.position"


class Position(msgspec.Struct, frozen=True):
    """Where to go on, and what was read before came to; `accepted` includes `repeated`.

    Attributes:
        next_line: the next line of a file, or the next event of an XES log.
        key: the last key of a table that was read; None: none yet.
        offsets: partition of a topic → the next offset.
    """

    next_line: int = 1
    read: int = 0
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    rejects_bytes: int = 0
    done: bool = False
    key: int | str | None = None
    offsets: dict[str, int] = {}


class PositionFile:
    """The position of one import in `folder`; another content, table, topic or mapping is another import."""

    def __init__(self, folder: Path, mapping: Mapping, identity: bytes) -> None:
        name = f"{mapping.name}-{import_key(mapping, identity)[:16]}"
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
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # A table's key can be somebody's number: the file is for its owner alone.
            write_durably(self._path, msgspec.json.encode(position))
        except OSError as error:
            raise PositionError(file=self._path.name, reason=error.strerror or "I/O") from error


def import_key(mapping: Mapping, identity: bytes) -> str:
    """Name an import by what it reads and how, hex."""
    return hashlib.sha256(f"casebus-import-v2\0{mapping.digest}\0".encode() + identity).hexdigest()


def file_digest(file: Path) -> bytes:
    """Return the SHA-256 of a file: it tells an import of files."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def after(position: Position, **changes: Any) -> Position:
    """Return the position with some of its fields changed."""
    return msgspec.structs.replace(position, **changes)
