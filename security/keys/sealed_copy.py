"""Keys sealed under a passphrase, for a backup that is kept apart from the data.

One JSON document: scrypt (RFC 7914; n = 2^15, r = 8, p = 1) makes the key from the passphrase and a salt, AES-256-GCM
seals their bytes under it, the format's name as associated data.
"""

from __future__ import annotations

import base64
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from schemas.errors import DeniedError

FORMAT = "casebus.keys/v1"
MIN_PASSPHRASE = 12
_COST = 1 << 15


class PassphraseError(DeniedError):
    """The passphrase does not open the copy, or is too short to seal one; or the copy was changed."""

    code = "keys.passphrase"


def seal(content: bytes, passphrase: str) -> bytes:
    """Return the sealed copy; PassphraseError where the passphrase has fewer than 12 characters."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise PassphraseError(least=MIN_PASSPHRASE)
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, content, FORMAT.encode())
    parts = {"nonce": nonce, "salt": salt, "sealed": sealed}
    body = {name: base64.b64encode(value).decode() for name, value in parts.items()}
    return json.dumps({"format": FORMAT, **body}).encode() + b"\n"


def unseal(copy: bytes, passphrase: str) -> bytes:
    """Return the sealed bytes; PassphraseError where they cannot be had."""
    try:
        body = json.loads(copy)
        nonce, salt, sealed = (base64.b64decode(body[name], validate=True) for name in ("nonce", "salt", "sealed"))
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, FORMAT.encode())
    except (InvalidTag, ValueError, KeyError, TypeError):
        raise PassphraseError(least=MIN_PASSPHRASE) from None


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
