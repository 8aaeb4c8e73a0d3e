"""Sealing to a receiver: the part of a view that only the subscription's own key opens.

    suite u8 (1 = AES-256-GCM) ‖ kid 8 ‖ nonce 12 ‖ ciphertext ‖ tag 16

The associated data is `casebus-view-v1` ‖ 0x00 ‖ suite ‖ kid ‖ view schema id (4, big endian) ‖ event id 16 ‖ SHA-256
of the rest of the view. Nonces are random: a key is rotated long before 2^32 views (NIST SP 800-38D §8.3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from security.keys.port import KID_LENGTH, SYSTEM_RANDOM, Keystore, Random
from security.keys.wrapping import NONCE_LENGTH
from security.sealing import SUITE_AES_256_GCM, SUITES, SealBrokenError, SuiteError

_DOMAIN: Final = b"casebus-view-v1\0"
_KID_DOMAIN: Final = b"casebus-receiver-v1\0"
_HEAD: Final = 1 + KID_LENGTH


@dataclass(frozen=True)
class ReceiverKey:
    """The key of one subscription, 32 bytes, given to the receiver's certificate."""

    key: bytes

    @cached_property
    def head(self) -> bytes:
        """Suite byte and key id, as they stand before the nonce."""
        return bytes([SUITE_AES_256_GCM]) + hashlib.sha256(_KID_DOMAIN + self.key).digest()[:KID_LENGTH]

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self.key)

    def seal(self, binding: bytes, clear: bytes, random: Random = SYSTEM_RANDOM) -> bytes:
        """Seal `clear`, bound to `binding`."""
        nonce = random(NONCE_LENGTH)
        return self.head + nonce + self._cipher.encrypt(nonce, clear, _DOMAIN + self.head + binding)

    def open(self, sealed: bytes, binding: bytes) -> bytes:
        """Open what `seal` made; raises `SealBrokenError`, or `SuiteError` for a suite of another version."""
        if sealed[:1] != self.head[:1]:
            suite = sealed[0] if sealed else 0
            raise SuiteError(suite=suite, name=SUITES.get(suite, "?"))
        nonce = sealed[_HEAD : _HEAD + NONCE_LENGTH]
        if sealed[:_HEAD] != self.head or len(nonce) < NONCE_LENGTH:
            raise SealBrokenError
        try:
            return self._cipher.decrypt(nonce, sealed[_HEAD + NONCE_LENGTH :], _DOMAIN + self.head + binding)
        except InvalidTag:
            raise SealBrokenError from None


def binding(schema_id: int, event_id: bytes, rest: bytes) -> bytes:
    """Return what the sealed part of a view is bound to."""
    return schema_id.to_bytes(4, "big") + event_id + hashlib.sha256(rest).digest()


def receiver_key(keystore: Keystore, subscription: str) -> ReceiverKey:
    """Return the key of a subscription: the keystore's secret `receiver/<subscription>`; raises `UnknownKeyError`."""
    return ReceiverKey(keystore.secret(f"receiver/{subscription}"))
