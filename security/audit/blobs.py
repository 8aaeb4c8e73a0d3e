"""Sealed blobs beside the log: what must be erasable lies here, and the log holds only the digest of its ciphertext.

A blob is `0x01 ‖ kid 16 ‖ nonce 12 ‖ ciphertext ‖ tag 16`, in `blobs/<kid>/<name>`, one folder for each subject key. A
leaf names it by `kid` and c = SHA-256(0x10 ‖ nonce ‖ ciphertext ‖ tag): never by a digest of the clear text, which
could be guessed. So leaf, tree and proofs say the same whether the blob is there or erased.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from security.audit.files import sync_directory, write_durably
from security.audit.record import Sealed

VERSION = b"\x01"
KID_LENGTH = 16
HEAD_LENGTH = len(VERSION) + KID_LENGTH


def named(blob: bytes) -> Sealed:
    """Return how a leaf names a blob; ValueError for bytes that are none."""
    if len(blob) <= HEAD_LENGTH or not blob.startswith(VERSION):
        raise ValueError
    return Sealed(sha256(b"\x10" + blob[HEAD_LENGTH:]).hexdigest(), blob[len(VERSION) : HEAD_LENGTH].hex())


class BlobStore:
    """The blobs of one log, in `directory`, the log's own folder."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / "blobs"

    def put(self, name: str, blob: bytes) -> Sealed:
        """Keep a blob; durable when this returns."""
        sealed = named(blob)
        place = self.folder / sealed.kid
        for folder in (self.folder, place):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                sync_directory(folder.parent)
        write_durably(place / name, blob)
        return sealed

    def get(self, kid: str, name: str) -> bytes | None:
        """Return a blob, or None."""
        try:
            return (self.folder / kid / name).read_bytes()
        except FileNotFoundError:
            return None

    def of(self, kid: str) -> list[Path]:
        """Return the files of a subject key."""
        return sorted(path for path in (self.folder / kid).glob("*") if path.is_file())

    def all(self) -> Iterator[tuple[Path, Sealed | None]]:
        """Yield every file, and how a leaf would name it; None where it is no blob of its folder."""
        for path in sorted(self.folder.glob("*/*")):
            try:
                sealed = named(path.read_bytes())
            except ValueError:
                yield path, None
                continue
            yield path, sealed if sealed.kid == path.parent.name else None

    def remove(self, kid: str) -> int:
        """Remove the blobs of a subject key; return how many there were. Durable when this returns."""
        files = self.of(kid)
        for path in files:
            path.unlink()
        place = self.folder / kid
        if place.is_dir():
            place.rmdir()
            sync_directory(self.folder)
        return len(files)
