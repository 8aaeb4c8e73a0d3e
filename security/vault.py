"""The identity vault: clear names and numbers of persons, each sealed under a key of that person alone.

What is kept lies beside the audit log (`security.audit.blobs`); the key lies with the keys, wrapped, one file a person,
under a keyed digest of the person key. Erasing a person destroys that key and the blobs: no copy of the ciphertext
opens any more, wherever it lies. Whoever held a copy of the keys (a backup) can open until that copy is gone too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import IntegrityError, NotFoundError
from security.audit.blobs import HEAD_LENGTH, KID_LENGTH, VERSION, BlobStore, named
from security.audit.files import sync_directory
from security.audit.record import Sealed
from security.keys.port import SYSTEM_RANDOM, KekName, Random
from security.labels import RESTRICTED
from security.private_file import PrivateFile
from security.sealing import Sealer

KEY_LENGTH = 32
NONCE_LENGTH = 12
INDEX = "vault-subject"
"""Use of the keyed digest that names a person's key file."""
KEK = KekName("vault", RESTRICTED, frozenset({"spi"}))
_BLOB_DOMAIN = b"casebus-vault-v1\0"
_KEY_DOMAIN = b"casebus-vault-key-v1\0"


class NotInVaultError(NotFoundError):
    """The vault holds nothing of this person: never did, or no more."""

    code: ClassVar[str] = "vault.absent"


class VaultBrokenError(IntegrityError):
    """A blob is not what was sealed."""

    code: ClassVar[str] = "vault.broken"


class Erasure(msgspec.Struct, frozen=True):
    """A request to erase: who asked, on what legal basis, when; who approved."""

    by: str
    basis: str
    at: int
    approvals: tuple[str, ...] = ()


class Hold(msgspec.Struct, frozen=True):
    """A legal hold: its reference, who set it, when."""

    ref: str
    by: str
    at: int


class Subject(msgspec.Struct, frozen=True):
    """What is kept of one person: the key's id, the wrapped key, holds, and a request to erase."""

    kid: str
    key: bytes
    holds: tuple[Hold, ...] = ()
    erasure: Erasure | None = None


class Vault:
    """The vault of one node; `keys` is the folder of the persons' keys."""

    def __init__(self, keys: Path, blobs: BlobStore, sealer: Sealer, random: Random = SYSTEM_RANDOM) -> None:
        self._keys, self._blobs, self._sealer, self._random = keys, blobs, sealer, random

    def keep(self, person: bytes, name: str, clear: bytes) -> Sealed:
        """Seal what is said of a person under `name`; what stands under that name already is left and named again."""
        with self._file(person).locked():
            subject = self._read(person) or self._make(person)
        stood = self._blobs.get(subject.kid, name)
        if stood is not None:
            return named(stood)
        nonce = self._random(NONCE_LENGTH)
        head = VERSION + bytes.fromhex(subject.kid)
        body = AESGCM(self._key(person, subject)).encrypt(nonce, clear, _BLOB_DOMAIN + head + name.encode())
        return self._blobs.put(name, head + nonce + body)

    def open(self, person: bytes, name: str) -> bytes:
        """Return what was kept of a person; the caller has decided and audited. Raises `NotInVaultError`."""
        subject = self.subject(person)
        blob = self._blobs.get(subject.kid, name)
        if blob is None:
            raise NotInVaultError
        nonce, body = blob[HEAD_LENGTH : HEAD_LENGTH + NONCE_LENGTH], blob[HEAD_LENGTH + NONCE_LENGTH :]
        bound = _BLOB_DOMAIN + blob[:HEAD_LENGTH] + name.encode()
        try:
            return AESGCM(self._key(person, subject)).decrypt(nonce, body, bound)
        except (InvalidTag, ValueError):
            raise VaultBrokenError from None

    def all_of(self, person: bytes) -> list[bytes]:
        """Return everything that is kept of a person, as `open` does."""
        return [self.open(person, path.name) for path in self._blobs.of(self.subject(person).kid)]

    def subject(self, person: bytes) -> Subject:
        """Return what is kept of a person; raises `NotInVaultError`."""
        found = self._read(person)
        if found is None:
            raise NotInVaultError
        return found

    def change(self, person: bytes, how: Callable[[Subject], Subject]) -> Subject:
        """Change holds or the request of a person; durable when this returns. Raises what `how` raises."""
        with self._file(person).locked():
            changed = how(self.subject(person))
            self._file(person).write(msgspec.json.encode(changed))
        return changed

    def held(self) -> dict[str, str]:
        """Return key id → reference of a hold, for every person under one; raises `VaultBrokenError`."""
        found = {}
        for path in sorted(self._keys.glob("*.json")):
            subject = self._decoded(PrivateFile(path).read())
            if subject and subject.holds:
                found[subject.kid] = subject.holds[0].ref
        return found

    def count(self, person: bytes) -> int:
        """Return how many blobs a person has."""
        return len(self._blobs.of(self.subject(person).kid))

    def destroy(self, person: bytes) -> int:
        """Destroy a person's blobs and key; return how many blobs. The caller has decided, and recorded it."""
        file = self._file(person)
        with file.locked():
            subject = self.subject(person)
            # The key goes last: whoever was killed in between finds the person, and finishes.
            removed = self._blobs.remove(subject.kid)
            # The bytes are overwritten where the file system allows it; a journal or a snapshot may keep older ones.
            with file.path.open("r+b") as opened:
                opened.write(bytes(file.path.stat().st_size))
                opened.flush()
                os.fsync(opened.fileno())
            file.path.unlink()
            sync_directory(file.path.parent)
            return removed

    def _make(self, person: bytes) -> Subject:
        kid, key = self._random(KID_LENGTH).hex(), self._random(KEY_LENGTH)
        subject = Subject(kid, self._sealer.seal(KEK, _KEY_DOMAIN + bytes.fromhex(kid), key))
        self._file(person).write(msgspec.json.encode(subject))
        return subject

    def _key(self, person: bytes, subject: Subject) -> bytes:
        del person
        return self._sealer.open(subject.key, _KEY_DOMAIN + bytes.fromhex(subject.kid))

    def _read(self, person: bytes) -> Subject | None:
        return self._decoded(self._file(person).read())

    @staticmethod
    def _decoded(content: bytes | None) -> Subject | None:
        try:
            return None if content is None else msgspec.json.decode(content, type=Subject)
        except msgspec.DecodeError:
            raise VaultBrokenError from None

    def _file(self, person: bytes) -> PrivateFile:
        return PrivateFile(self._keys / f"{self._sealer.keyed_digest(INDEX, person)[:16].hex()}.json")
