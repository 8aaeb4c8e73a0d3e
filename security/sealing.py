"""Sealing: authenticated encryption of what stands above level 2, MACs, keyed digests and the person key.

A sealed blob is self-contained; its bytes never change (golden test):

    header  suite u8 (1 = AES-256-GCM; 2 is kept for SM4-GCM) ‖ kid 8 ‖ wrapped data key 60
    body    nonce 12 ‖ ciphertext ‖ tag 16

The associated data of the body is `casebus-seal-v1` ‖ 0x00 ‖ header ‖ the caller's own. A data key (DEK) is made by
this process, used by it alone and at most `Budget.uses` times and `Budget.age_us` long, so that a counter is a safe
nonce (NIST SP 800-38D §8.2.1); a forked child starts with new keys.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import unicodedata
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.clock import DAY, Clock
from schemas.errors import IntegrityError, RefusedError
from security.keys.port import KID_LENGTH, SYSTEM_RANDOM, KekName, Keystore, Random, UnknownKeyError, WrappedKey
from security.keys.wrapping import KEY_LENGTH, NONCE_LENGTH, WRAPPED_LENGTH
from security.labels import Label

SUITE_AES_256_GCM: Final = 1
SUITES: Final = {SUITE_AES_256_GCM: "AES-256-GCM", 2: "SM4-GCM"}
"""Every suite byte that has a meaning; only the first can be opened by this version."""
HEADER_LENGTH: Final = 1 + KID_LENGTH + WRAPPED_LENGTH
BODY_OVERHEAD: Final = NONCE_LENGTH + 16
BLOCK: Final = 64
"""Bytes of a block of SHA-256."""
LINKAGE: Final = "linkage"
DIGEST: Final = "digest"
PERSON_KEY_SUITE: Final = b"\x01"
"""Suite of the person key: 1 = HMAC-SHA-256."""

_DOMAIN: Final = b"casebus-seal-v1\0"
_SUITE_BYTE: Final = bytes([SUITE_AES_256_GCM])
_OPENED_KEYS: Final = 4096


class SealBrokenError(IntegrityError):
    """The sealed bytes, their header, or what they are bound to was altered."""

    code = "sealing.broken"


class SuiteError(RefusedError):
    """A suite byte that this version cannot open."""

    code = "sealing.suite"


@dataclass(frozen=True, slots=True)
class Budget:
    """How long one data key serves: `uses` seals, and `age_us` microseconds by the clock."""

    uses: int = 1 << 20
    age_us: int = DAY


@dataclass(slots=True)
class _DataKey:
    header: bytes
    cipher: AESGCM
    born: int
    counter: Iterator[int] = field(default_factory=itertools.count)


class Sealer:
    """Seals and opens by the keys of one keystore.

    With `provisions` a missing KEK, secret or linkage key is provisioned on first use: only the part that owns the
    keystore (a gateway, the embedded node's set-up) asks for that; readers never do.
    """

    def __init__(
        self,
        keystore: Keystore,
        clock: Clock,
        *,
        provisions: bool = False,
        budget: Budget | None = None,
        random: Random = SYSTEM_RANDOM,
    ) -> None:
        self._keystore = keystore
        self._clock = clock
        self._provisions = provisions
        self._budget = budget or Budget()
        self._random = random
        self._active: dict[KekName, _DataKey] = {}
        self._opened: dict[bytes, AESGCM] = {}
        self._secrets: dict[str, bytes] = {}
        self._keyed: dict[str, Callable[[bytes], bytes]] = {}
        self._digests: dict[str, Callable[[bytes], bytes]] = {}
        _SEALERS.add(self)

    def name(self, agency: str, label: Label) -> KekName:
        """Return the KEK that `label` of `agency` is sealed by now."""
        return _kek_name(agency, label.level, label.flags, self._keystore.epoch(agency))

    def seal(self, kek: KekName, ad: bytes, clear: bytes) -> bytes:
        """Seal `clear` to `kek`, bound to `ad`; return the self-contained blob."""
        header, body = self.seal_parts(kek, ad, clear)
        return header + body

    def open(self, blob: bytes, ad: bytes) -> bytes:
        """Open what `seal` made; raises `SealBrokenError`, `SuiteError`, `UnwrapError` or `UnknownKeyError`."""
        return self.open_parts(blob[:HEADER_LENGTH], blob[HEADER_LENGTH:], ad)

    def seal_parts(self, kek: KekName, ad: bytes, clear: bytes) -> tuple[bytes, bytes]:
        """Seal as `seal` does; return header and body apart, for a batch that shares headers."""
        key = self._active.get(kek)
        if key is None or self._clock.now_us() - key.born >= self._budget.age_us:
            key = self._new_key(kek)
        turn = next(key.counter)
        if turn >= self._budget.uses:
            key = self._new_key(kek)
            turn = next(key.counter)
        nonce = turn.to_bytes(NONCE_LENGTH, "big")
        return key.header, nonce + key.cipher.encrypt(nonce, clear, _DOMAIN + key.header + ad)

    def open_parts(self, header: bytes, body: bytes, ad: bytes) -> bytes:
        """Open a body by its header; errors as of `open`."""
        cipher = self._opened.get(header)
        if cipher is None:
            cipher = self._unwrap(header)
        if len(body) < BODY_OVERHEAD:
            raise SealBrokenError
        try:
            return cipher.decrypt(body[:NONCE_LENGTH], body[NONCE_LENGTH:], _DOMAIN + header + ad)
        except InvalidTag:
            raise SealBrokenError from None

    def mac(self, label: str, data: bytes) -> bytes:
        """Return HMAC-SHA-256 over `data` by the secret `mac/<label>`, 32 bytes."""
        return self._hmac(f"mac/{label}")(data)

    def mac_fits(self, label: str, data: bytes, mac: bytes) -> bool:
        """Tell whether `mac` is `mac(label, data)`; it never provisions: nobody vouched for `label` yet."""
        name = f"mac/{label}"
        if name not in self._secrets:
            self._secrets[name] = self._keystore.secret(name)
        return hmac.compare_digest(hmac.digest(self._secrets[name], data, "sha256"), mac)

    def keyed_digest(self, label: str, data: bytes) -> bytes:
        """Return the 32-byte keyed digest of `data` for the use `label`; digests of different uses never meet."""
        made = self._digests.get(label)
        if made is None:
            made = self._digests[label] = hmac_sha256(self._secret(DIGEST), label.encode() + b"\0")
        return made(data)

    def person_key(self, id_number: str) -> bytes:
        """Return the 33-byte person key: suite byte ‖ HMAC-SHA-256(linkage key, normalised id number).

        The linkage key stands outside ordinary rotation: persons join over years. Clear numbers are not cached.
        """
        return PERSON_KEY_SUITE + self._hmac(LINKAGE)(normalised(id_number).encode())

    def _hmac(self, name: str) -> Callable[[bytes], bytes]:
        made = self._keyed.get(name)
        if made is None:
            made = self._keyed[name] = hmac_sha256(self._secret(name))
        return made

    def _new_key(self, kek: KekName) -> _DataKey:
        clear = self._random(KEY_LENGTH)
        try:
            wrapped = self._keystore.wrap(kek, clear)
        except UnknownKeyError:
            if not self._provisions:
                raise
            self._keystore.provision_kek(kek)
            wrapped = self._keystore.wrap(kek, clear)
        header = _SUITE_BYTE + wrapped.kid + wrapped.wrapped
        made = _DataKey(header, AESGCM(clear), self._clock.now_us())
        self._active[kek] = made
        self._remember(header, made.cipher)
        return made

    def _unwrap(self, header: bytes) -> AESGCM:
        if len(header) != HEADER_LENGTH:
            raise SealBrokenError
        if header[0] != SUITE_AES_256_GCM:
            raise SuiteError(suite=header[0], name=SUITES.get(header[0], "?"))
        wrapped = WrappedKey(header[1 : 1 + KID_LENGTH], header[1 + KID_LENGTH :])
        cipher = AESGCM(self._keystore.unwrap(wrapped))
        self._remember(header, cipher)
        return cipher

    def _remember(self, header: bytes, cipher: AESGCM) -> None:
        if len(self._opened) >= _OPENED_KEYS:
            self._opened.clear()
        self._opened[header] = cipher

    def _secret(self, label: str) -> bytes:
        found = self._secrets.get(label)
        if found is None:
            found = self._secrets[label] = self._load_secret(label)
        return found

    def _load_secret(self, label: str) -> bytes:
        if self._provisions:
            self._keystore.provision_secret(label)
        return self._keystore.secret(label)

    def forget_active(self) -> None:
        """Stop sealing with the present data keys; the next seal makes new ones."""
        self._active.clear()


# Names are values, asked for at every seal; making one checks its parts.
_kek_name = lru_cache(maxsize=4096)(KekName)


def hmac_sha256(key: bytes, prefix: bytes = b"") -> Callable[[bytes], bytes]:
    """Return HMAC-SHA-256 by one key (RFC 2104) over `prefix` and what is given.

    The padded blocks and the prefix are hashed beforehand: half the time a call.
    """
    block = key if len(key) <= BLOCK else hashlib.sha256(key).digest()
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block.ljust(BLOCK, b"\0")) + prefix)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block.ljust(BLOCK, b"\0")))

    def keyed(data: bytes) -> bytes:
        first, last = inner.copy(), outer.copy()
        first.update(data)
        last.update(first.digest())
        return last.digest()

    return keyed


def normalised(id_number: str) -> str:
    """Return the one form of an id number that keys are made of: half-width, upper case, without spaces."""
    if id_number.isascii() and id_number.isalnum():
        return id_number.upper()
    return "".join(unicodedata.normalize("NFKC", id_number).split()).upper()


_SEALERS: Final = weakref.WeakSet[Sealer]()


def _after_fork() -> None:
    # A child shares the parent's counters' values but not their progress: the same nonce would be used twice.
    for sealer in list(_SEALERS):
        sealer.forget_active()


os.register_at_fork(after_in_child=_after_fork)
