"""A private file: mode 0600, owned by whoever runs the program, written whole, never half.

Keys, password hashes and token digests lie in such files. One that is open to others is refused, not mended: who read
it meanwhile is a question for a person.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import UnavailableError
from security.audit.files import sync_directory

_PRIVATE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class PrivateFileError(UnavailableError):
    """The file cannot be read or written, or is not private."""

    code = "keys.file"


class PrivateFile:
    """One private file; `read` gives None while it does not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return the content; raises `PrivateFileError` for a link, another owner, or rights of others."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error) from None
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS or status.st_uid != os.geteuid():
                raise PrivateFileError(file=self.path.name, reason="mode must be 0600, owner must be you")
            return file.read()

    def stamp(self) -> tuple[int, int] | None:
        """Return what changes whenever the file is replaced: inode and time; None while it does not exist."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def write(self, content: bytes) -> None:
        """Replace the content; durable when this returns, and old or new at every moment. Call it while `locked`."""
        draft = self.path.with_name(self.path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            raise self._error(error) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the file (a sidecar `.lock`), so that two processes do not change it at once."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, _PRIVATE)
        except OSError as error:
            raise self._error(error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _error(self, error: OSError) -> PrivateFileError:
        return PrivateFileError(file=self.path.name, reason=error.strerror)
