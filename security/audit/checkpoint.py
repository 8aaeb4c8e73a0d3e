"""Signed heads: C2SP tlog-checkpoint in a C2SP signed-note, Ed25519 (type 0x01), sans-IO.

A note is a text, an empty line, and signature lines `— name base64(key id ‖ signature)`. Signatures of keys that the
reader does not know are ignored; one of a known key that does not fit rejects the whole note.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from security.audit.errors import NoteError
from security.keys.signing import signature_fits

ED25519 = b"\x01"
DASH = "\u2014 "
KEY_ID_BYTES = 4
_HASH_BYTES = 32
_MAX_SIGNATURES = 64
_LINES = 3


class Signer(Protocol):
    """Whatever holds an Ed25519 key: a file's key, an HSM."""

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, 64 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key; its text form is `name+hash+base64(type ‖ key)` (signed-note, verifier keys)."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as one line of text."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(ED25519 + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the text form; NoteError where it is malformed or its hash does not fit."""
        parts = text.strip().split("+", 2)
        raw = decode_base64(parts[-1])
        if len(parts) != _LINES or raw[:1] != ED25519 or len(raw) != 1 + _HASH_BYTES:
            raise NoteError(what="verifier key")
        key = cls(parts[0], raw[1:])
        if key.key_id.hex() != parts[1]:
            raise NoteError(what="verifier key")
        return key


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `origin` names the log, `size` counts its records, `root` is the RFC 6962 root, 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a note; extension lines are left alone, as the specification asks."""
        lines = text.split("\n")
        if len(lines) <= _LINES or lines.pop() or not all(lines):
            raise NoteError(what="checkpoint")
        origin, size, root = lines[0], lines[1], decode_base64(lines[2])
        plain = size.isascii() and size.isdigit() and (size == "0" or not size.startswith("0"))
        if not plain or len(root) != _HASH_BYTES:
            raise NoteError(what="checkpoint")
        return cls(origin, int(size), root)


def signed(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the checkpoint as a note with one signature; the key's name is the origin."""
    key = VerifierKey(checkpoint.origin, signer.public_key)
    signature = signer.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n{DASH}{key.name} {encode_base64(key.key_id + signature)}\n"


def opened(note: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note that `key` signed.

    Raises:
        NoteError: the note is malformed, names another origin than the key, or lacks a signature that fits.
    """
    text, signatures = note_parts(note)
    checkpoint = Checkpoint.parse(text)
    known = [raw for name, raw in signatures if name == key.name and raw[:KEY_ID_BYTES] == key.key_id]
    if checkpoint.origin != key.name:
        raise NoteError(what="origin")
    if not known or not all(signature_fits(key.public_key, raw[KEY_ID_BYTES:], text.encode()) for raw in known):
        raise NoteError(what="signature")
    return checkpoint


def unverified(note: str) -> Checkpoint:
    """Return the checkpoint of a note without looking at its signatures: to find its origin only."""
    return Checkpoint.parse(note_parts(note)[0])


def note_parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Split a note into its text, with the final line break, and its (name, key id ‖ signature) pairs."""
    head, gap, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines.pop() or not 0 < len(lines) <= _MAX_SIGNATURES or not _printable(note):
        raise NoteError(what="note")
    signatures = []
    for line in lines:
        name, space, coded = line.removeprefix(DASH).partition(" ")
        raw = decode_base64(coded)
        if not line.startswith(DASH) or not name or not space or "+" in name or len(raw) <= KEY_ID_BYTES:
            raise NoteError(what="note")
        signatures.append((name, raw))
    return head + "\n", signatures


def _printable(note: str) -> bool:
    """Tell whether the note holds no control character but line breaks (signed-note, format)."""
    return all(c == "\n" or unicodedata.category(c) != "Cc" for c in note)


def encode_base64(raw: bytes) -> str:
    """Return standard base64 with its padding."""
    return base64.b64encode(raw).decode()


def decode_base64(text: str) -> bytes:
    """Decode base64 strictly: one text for each value, or a flipped bit could hide in its last character."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw or encode_base64(raw) != text:
        raise NoteError(what="base64")
    return raw
