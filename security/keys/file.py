"""The keystore of an embedded node: one JSON file of mode 0600, written whole, never half.

The file is as good as the keys in it: it must belong to the user who opens it and be closed to everybody else, else it
is refused. Two processes that provision at once take turns on a lock file beside it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from security.keys import material as stored
from security.keys.memory import MemoryKeystore
from security.keys.port import SYSTEM_RANDOM, KekName, KeystoreFileError, Random, UnknownKeyError, WrappedKey
from security.keys.signing import Ed25519Signer

_PRIVATE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
T = TypeVar("T")


class FileKeystore:
    """Keys in a private file.

    A missing file reads as an empty keystore: keys come to be only by `provision_*`. Raises `KeystoreFileError` for a
    file that is open to others, is not a plain file of this user, or cannot be read; `KeystoreDamagedError` for one
    that does not parse.
    """

    def __init__(self, path: Path, random: Random = SYSTEM_RANDOM) -> None:
        self._path = path
        self._random = random
        self._memory = MemoryKeystore(self._read(), random)

    def wrap(self, name: KekName, key: bytes) -> WrappedKey:
        """Wrap a data key by the KEK `name`."""
        return self._retry(lambda: self._memory.wrap(name, key))

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap a data key by the KEK whose id it names."""
        return self._retry(lambda: self._memory.unwrap(wrapped))

    def secret(self, label: str) -> bytes:
        """Return the shared secret `label`, 32 bytes."""
        return self._retry(lambda: self._memory.secret(label))

    def signer(self, label: str) -> Ed25519Signer:
        """Return the signing key `label`."""
        return self._retry(lambda: self._memory.signer(label))

    def epoch(self, agency: str) -> int:
        """Return the current key epoch of `agency`."""
        return self._memory.epoch(agency)

    def provision_kek(self, name: KekName) -> None:
        """Make the KEK unless it is there; durable when this returns."""
        self._change(lambda keys: keys.provision_kek(name))

    def provision_secret(self, label: str) -> None:
        """Make the shared secret unless it is there; durable when this returns."""
        self._change(lambda keys: keys.provision_secret(label))

    def provision_signer(self, label: str) -> None:
        """Make the signing key unless it is there; durable when this returns."""
        self._change(lambda keys: keys.provision_signer(label))

    def rotate(self, agency: str) -> int:
        """Begin the next epoch of `agency`'s KEKs; durable when this returns. Return the new epoch."""
        return self._change(lambda keys: keys.rotate(agency))

    def _retry(self, look: Callable[[], T]) -> T:
        """Look once more in the file: another process may have provisioned the key since it was read."""
        try:
            return look()
        except UnknownKeyError:
            self._memory = MemoryKeystore(self._read(), self._random)
            return look()

    def _change(self, change: Callable[[MemoryKeystore], T]) -> T:
        with self._locked():
            material = self._read()
            before = stored.encode(material)
            memory = MemoryKeystore(material, self._random)
            result = change(memory)
            after = stored.encode(material)
            if after != before:
                self._write(after)
            self._memory = memory
            return result

    def _read(self) -> stored.Material:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return stored.Material()
        except OSError as error:
            raise KeystoreFileError(file=self._path.name, reason=error.strerror) from None
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS or status.st_uid != os.geteuid():
                raise KeystoreFileError(file=self._path.name, reason="mode must be 0600, owner must be you")
            return stored.decode(file.read())

    def _write(self, content: bytes) -> None:
        draft = self._path.with_name(self._path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            raise KeystoreFileError(file=self._path.name, reason=error.strerror) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, _PRIVATE)
        except OSError as error:
            raise KeystoreFileError(file=self._path.name, reason=error.strerror) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
