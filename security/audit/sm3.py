"""Suite 2: a second head over the same records, with SM3 (GB/T 32905-2016) in the place of SHA-256.

The log `<origin>/sm3` has the entries of `<origin>`: leaf SM3(0x00 ‖ E), node SM3(0x01 ‖ left ‖ right), the shape of
RFC 6962 §2.1. C2SP fixes SHA-256 for logs that its tools read, so this head stands beside the first one and replaces
nothing. Its signature (SM2, GB/T 32918) is a provider's: this module makes text and line, the key is behind a port.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

from schemas.errors import UnavailableError
from security.audit.checkpoint import DASH, KEY_ID_BYTES, Checkpoint, encode_base64
from security.audit.evidence import Evidence
from security.audit.tree import TILE

NAME = "sm3"
SUFFIX = "/sm3"
KIND = b"\xffcasebus-sm2"
"""Signature type of a signed note that C2SP leaves to others: 0xff and a name."""


class Sm3MissingError(UnavailableError):
    """The OpenSSL that Python was built with has no SM3."""

    code = "audit.no_sm3"


class Sm2Signer(Protocol):
    """A provider of SM2 signatures, such as an HSM: nothing of ours holds such a key."""

    @property
    def public_key(self) -> bytes:
        """The public key, uncompressed point, 65 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the SM2 signature over `message` (GB/T 32918.2, with SM3)."""
        ...


def probed() -> Callable[[bytes], bytes]:
    """Return SM3 as a function.

    Raises:
        Sm3MissingError: this machine has none.
    """
    try:
        hashlib.new(NAME)
    except ValueError:
        raise Sm3MissingError from None
    new = hashlib.new

    def sm3(data: bytes) -> bytes:
        return new(NAME, data).digest()

    return sm3


class Sm3Head:
    """The SM3 root over entries, taken one after another; keeps one hash a level (RFC 9162 §2.1.2 needs no more)."""

    def __init__(self, origin: str) -> None:
        self._origin = origin + SUFFIX
        self._hash = probed()
        self._frontier: list[bytes] = []
        self.size = 0

    def add(self, entry: bytes) -> None:
        """Take the next entry E."""
        sm3, frontier = self._hash, self._frontier
        node = sm3(b"\x00" + entry)
        size = self.size
        while size & 1:
            node = sm3(b"\x01" + frontier.pop() + node)
            size >>= 1
        frontier.append(node)
        self.size += 1

    def extend(self, entries: Iterable[bytes]) -> None:
        """Take the next entries."""
        for entry in entries:
            self.add(entry)

    def add_subtree(self, level: int, root: bytes) -> None:
        """Take the next 2^level entries by their root; the size must be a multiple of 2^level."""
        sm3, frontier, node = self._hash, self._frontier, root
        size = self.size >> level
        while size & 1:
            node = sm3(b"\x01" + frontier.pop() + node)
            size >>= 1
        frontier.append(node)
        self.size += 1 << level

    @property
    def checkpoint(self) -> Checkpoint:
        """The head over what was taken."""
        if not self._frontier:
            return Checkpoint(self._origin, 0, self._hash(b""))
        *left, root = self._frontier
        for node in reversed(left):
            root = self._hash(b"\x01" + node + root)
        return Checkpoint(self._origin, self.size, root)


def signed_sm2(head: Checkpoint, signer: Sm2Signer) -> str:
    """Return the head as a note with the provider's signature; the key id is over name, type and public key."""
    digest = probed()(head.origin.encode() + b"\n" + KIND + signer.public_key)
    line = encode_base64(digest[:KEY_ID_BYTES] + signer.sign(head.text.encode()))
    return f"{head.text}\n{DASH}{head.origin} {line}\n"


def head_over(evidence: Evidence) -> Checkpoint:
    """Return the SM3 head over the records of a log under its signed head; the log's own root was checked already.

    What was retired counts by the root that stays of it. RecordRetiredError where none does.
    """
    size = evidence.head.size
    head = Sm3Head(evidence.head.origin)
    for level, root in evidence.runs.retired_sm3():
        if not root:
            break
        head.add_subtree(level, root)
    for number in range(head.size >> TILE, -(-size // (1 << TILE))):
        head.extend(evidence.runs.read(number, size).entries)
    return head.checkpoint
