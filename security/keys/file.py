"""The keystore of an embedded node: one JSON file of mode 0600, written whole, never half.

The file is as good as the keys in it (`security.private_file`). Two processes that provision at once take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from security.keys import material as stored
from security.keys.memory import MemoryKeystore
from security.keys.port import SYSTEM_RANDOM, KekName, Random, UnknownKeyError, WrappedKey
from security.keys.signing import Ed25519Signer
from security.private_file import PrivateFile

T = TypeVar("T")


class FileKeystore:
    """Keys in a private file.

    A missing file reads as an empty keystore: keys come to be only by `provision_*`. Raises `PrivateFileError` for a
    file that is open to others, is not a plain file of this user, or cannot be read; `KeystoreDamagedError` for one
    that does not parse.
    """

    def __init__(self, path: Path, random: Random = SYSTEM_RANDOM) -> None:
        self._file = PrivateFile(path)
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
        with self._file.locked():
            material = self._read()
            before = stored.encode(material)
            memory = MemoryKeystore(material, self._random)
            result = change(memory)
            after = stored.encode(material)
            if after != before:
                self._file.write(after)
            self._memory = memory
            return result

    def _read(self) -> stored.Material:
        content = self._file.read()
        return stored.Material() if content is None else stored.decode(content)
