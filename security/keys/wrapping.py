"""Wrapping a data key by a key-encryption key: AES-256-GCM, bound to the KEK's id.

Wrapped bytes (60): nonce 12 ‖ ciphertext 32 ‖ tag 16. The associated data is `casebus-wrap-v1` ‖ 0x00 ‖ kid.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import IntegrityError
from security.keys.port import Random

KEY_LENGTH: Final = 32
NONCE_LENGTH: Final = 12
WRAPPED_LENGTH: Final = NONCE_LENGTH + KEY_LENGTH + 16
_DOMAIN: Final = b"casebus-wrap-v1\0"


class UnwrapError(IntegrityError):
    """A wrapped data key was altered, or belongs to another KEK."""

    code = "keys.unwrap"


def wrap(kek: bytes, kid: bytes, key: bytes, random: Random) -> bytes:
    """Wrap `key` (32 bytes) by `kek`."""
    nonce = random(NONCE_LENGTH)
    return nonce + AESGCM(kek).encrypt(nonce, key, _DOMAIN + kid)


def unwrap(kek: bytes, kid: bytes, wrapped: bytes) -> bytes:
    """Unwrap what `wrap` made; anything altered raises `UnwrapError`."""
    if len(wrapped) != WRAPPED_LENGTH:
        raise UnwrapError
    try:
        return AESGCM(kek).decrypt(wrapped[:NONCE_LENGTH], wrapped[NONCE_LENGTH:], _DOMAIN + kid)
    except InvalidTag:
        raise UnwrapError from None
