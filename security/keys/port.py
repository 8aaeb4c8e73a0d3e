"""The keystore port: who holds key-encryption keys, shared secrets and signing keys.

A key-encryption key (KEK) never leaves its keystore: callers hand in a data key and get it wrapped. An opaque 8-byte
key id stands on the wire instead of the KEK's name, because the name tells the compartments of what it protects.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.errors import IntegrityError, NotFoundError, UsageError
from security.labels import Label

Random = Callable[[int], bytes]
"""The source of randomness: n → n bytes. Tests inject a fixed one; everything else uses `os.urandom`."""
SYSTEM_RANDOM: Final[Random] = os.urandom

KID_LENGTH: Final = 8
_AGENCY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class KeyNameError(UsageError):
    """A key name that does not follow the grammar."""

    code = "keys.name"


class UnknownKeyError(NotFoundError):
    """The keystore has no such key; reading never makes one."""

    code = "keys.unknown"


class KeystoreDamagedError(IntegrityError):
    """The keystore's file does not parse."""

    code = "keys.damaged"


@dataclass(frozen=True, slots=True)
class KekName:
    """The name of a key-encryption key: agency × class (level and compartments) × epoch."""

    agency: str
    level: int
    compartments: frozenset[str] = frozenset()
    epoch: int = 1

    def __post_init__(self) -> None:
        if not _AGENCY.fullmatch(self.agency):
            raise KeyNameError(name=self.agency)
        Label(self.level, self.compartments)
        if self.epoch < 1:
            raise KeyNameError(name=f"epoch {self.epoch}")

    def __str__(self) -> str:
        held = "+".join(sorted(self.compartments)) or "-"
        return f"kek/{self.agency}/{self.level}/{held}/{self.epoch}"

    @classmethod
    def parse(cls, name: str) -> KekName:
        """Read what `str` wrote."""
        parts = name.split("/")
        if len(parts) != 5 or parts[0] != "kek" or not (parts[2] + parts[4]).isdecimal():  # noqa: PLR2004
            raise KeyNameError(name=name)
        held = frozenset() if parts[3] == "-" else frozenset(parts[3].split("+"))
        return cls(parts[1], int(parts[2]), held, int(parts[4]))


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key wrapped by a KEK: the KEK's opaque id and the wrapped bytes."""

    kid: bytes
    wrapped: bytes


class Signer(Protocol):
    """One Ed25519 signing key (RFC 8032)."""

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, 64 bytes."""
        ...


class Keystore(Protocol):
    """Whatever holds keys: a private file (embedded) or an HSM."""

    def wrap(self, name: KekName, key: bytes) -> WrappedKey:
        """Wrap a data key by the KEK `name`; raises `UnknownKeyError`."""
        ...

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap a data key; raises `UnknownKeyError`, or `UnwrapError` if the bytes were altered."""
        ...

    def secret(self, label: str) -> bytes:
        """Return the 32-byte shared secret `label` (MACs, keyed digests, linkage); raises `UnknownKeyError`."""
        ...

    def signer(self, label: str) -> Signer:
        """Return the signing key `label`; raises `UnknownKeyError`."""
        ...

    def epoch(self, agency: str) -> int:
        """Return the current key epoch of `agency`, 1 until it was rotated."""
        ...

    def provision_kek(self, name: KekName) -> None:
        """Make the KEK unless it is there: the only way a KEK comes to be."""
        ...

    def provision_secret(self, label: str) -> None:
        """Make the shared secret unless it is there."""
        ...

    def provision_signer(self, label: str) -> None:
        """Make the signing key unless it is there."""
        ...
