"""Cosignatures of witnesses: C2SP tlog-cosignature, Ed25519 (type 0x04, message `cosignature/v1`). Sans-IO.

A cosignature says: at this time, the largest consistent tree that I have seen of this log has this root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct

from security.audit.checkpoint import DASH, KEY_ID_BYTES, Signer, decode_base64, encode_base64
from security.audit.errors import NoteError
from security.audit.trust_errors import CosignatureError
from security.keys.signing import signature_fits

COSIGNATURE = b"\x04"
_TIMESTAMP = Struct(">Q")
_SIGNATURE_BYTES = 64
_KEY_BYTES = 32
_PARTS = 3
_MAX_TIMESTAMP = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's named public key; its text form is a verifier key of type 0x04.

    The signed message does not hold the name, so each witness has a key of its own.
    """

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name ‖ 0x0A ‖ 0x04 ‖ key)."""
        return sha256(self.name.encode(errors="surrogateescape") + b"\n" + COSIGNATURE + self.public_key).digest()[
            :KEY_ID_BYTES
        ]

    @property
    def text(self) -> str:
        """The key as one line of text."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(COSIGNATURE + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> CosignerKey:
        """Read the text form; NoteError where it is malformed or its hash does not fit."""
        parts = text.strip().split("+", 2)
        raw = decode_base64(parts[-1])
        if len(parts) != _PARTS or not parts[0] or raw[:1] != COSIGNATURE or len(raw) != 1 + _KEY_BYTES:
            raise NoteError(what="cosigner key")
        key = cls(parts[0], raw[1:])
        if key.key_id.hex() != parts[1]:
            raise NoteError(what="cosigner key")
        return key


def message(text: str, timestamp: int) -> bytes:
    """Return what a cosigner signs: `text` is the note's text with its final line break, `timestamp` POSIX seconds."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def cosigned(text: str, name: str, signer: Signer, timestamp: int) -> str:
    """Return the signature line of the cosigner `name` over the note's `text`."""
    key = CosignerKey(name, signer.public_key)
    signature = signer.sign(message(text, timestamp))
    return f"{DASH}{name} {encode_base64(key.key_id + _TIMESTAMP.pack(timestamp) + signature)}\n"


def cosignature_time(text: str, signatures: Sequence[tuple[str, bytes]], key: CosignerKey) -> int | None:
    """Return when `key` cosigned the note, POSIX seconds; None where it did not. The latest of several counts.

    `text`, `signatures`: as `checkpoint.note_parts` returns them.

    Raises:
        CosignatureError: a line of this very key does not fit; the whole note is to be refused (signed-note).
    """
    latest: int | None = None
    for name, raw in signatures:
        if name != key.name or raw[:KEY_ID_BYTES] != key.key_id:
            continue
        body = raw[KEY_ID_BYTES:]
        if len(body) != _TIMESTAMP.size + _SIGNATURE_BYTES:
            raise CosignatureError(witness=key.name)
        (timestamp,) = _TIMESTAMP.unpack_from(body)
        signature = body[_TIMESTAMP.size :]
        if timestamp > _MAX_TIMESTAMP or not signature_fits(key.public_key, signature, message(text, timestamp)):
            raise CosignatureError(witness=key.name)
        latest = timestamp if latest is None else max(latest, timestamp)
    return latest
