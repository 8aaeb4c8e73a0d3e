"""The rejects file: one JSON line per rejected row, with line number and code, and nothing of what the row says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from services.importer.position import PositionError
from services.importer.rejection import Rejection


class RejectsFile:
    """Appends rejections; what a broken-off run wrote beyond its kept position is cut off when it goes on."""

    def __init__(self, path: Path, kept_bytes: int = 0) -> None:
        self.path = path
        self._bytes = kept_bytes

    def append(self, rejections: Sequence[Rejection]) -> int:
        """Append durably; return the length of the file in bytes."""
        if not rejections:
            return self._bytes
        lines = b"".join(msgspec.json.encode(rejection.as_dict()) + b"\n" for rejection in rejections)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.truncate(self._bytes)
                stream.seek(self._bytes)
                stream.write(lines)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise PositionError(file=self.path.name, reason=error.strerror or "I/O") from error
        self._bytes += len(lines)
        return self._bytes
