"""Receipts: the gateway's signed word that an event is durable, verifiable offline.

    leaf = SHA-256(0x00 ‖ canonical JSON of the receipt's statement)
    root = RFC 6962 tree over the leaves of one commit
    signature = Ed25519 over "casebus-receipts-v1" ‖ 0x00 ‖ size u32 ‖ root

One signature serves a whole commit: a batch of 256 costs one, and each receipt carries its own path to the root.
Whoever holds the gateway's public key needs nothing else: no network, no log, no other receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec

from security.audit.proofs import inclusion_holds
from security.audit.tree import leaf_hash, node_hash
from security.keys.port import Signer
from security.keys.signing import signature_fits

DOMAIN: Final = b"casebus-receipts-v1\0"
VERSION: Final = 1

_encode = msgspec.json.Encoder(order="deterministic").encode


class Statement(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a receipt says; keys in order.

    Attributes:
        at: the gateway's clock when it took the event, microseconds.
        body: SHA-256 of the bytes that were sent, hex.
        id: the event's id. node: the gateway. seq: number of the audit record of the act. source: who sent it.
    """

    at: int
    body: str
    id: str
    node: str
    seq: int
    source: str
    v: int = VERSION


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement with its proof: place in the tree of its commit, path, size and signature (hex)."""

    statement: Statement
    index: int
    size: int
    path: tuple[str, ...]
    signature: str
    key: str

    def as_dict(self) -> dict[str, Any]:
        """Render for an answer."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Commit:
    """The statements of one commit; root and signature are made once, and only when a receipt is asked for."""

    statements: Sequence[Statement]
    signer: Signer

    @cached_property
    def _made(self) -> list[Statement]:
        return list(self.statements)

    @cached_property
    def _levels(self) -> list[list[str]]:
        """The tree in hex, level by level from the leaves up; a node without a sibling stands in the next level too."""
        level = [leaf_hash(_encode(statement)) for statement in self._made]
        levels = [level]
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            above = [node_hash(left, right) for left, right in pairs]
            level = above + level[len(above) * 2 :]
            levels.append(level)
        return [[node.hex() for node in nodes] for nodes in levels]

    @cached_property
    def _signature(self) -> str:
        root = bytes.fromhex(self._levels[-1][0])
        return self.signer.sign(signed_bytes(len(self.statements), root)).hex()

    @cached_property
    def _key(self) -> str:
        return fingerprint(self.signer.public_key)

    def receipt(self, index: int) -> Receipt:
        """Return the receipt of one statement."""
        path = []
        at = index
        for level in self._levels[:-1]:
            if at ^ 1 < len(level):
                path.append(level[at ^ 1])
            at >>= 1
        return Receipt(self._made[index], index, len(self._made), tuple(path), self._signature, self._key)


def id_text(raw: bytes) -> str:
    """Return an event's id as UUID text; "" for none."""
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])) if raw else ""


def signed_bytes(size: int, root: bytes) -> bytes:
    """Return what the signature of a commit is made over."""
    return DOMAIN + size.to_bytes(4, "big") + root


def fingerprint(public_key: bytes) -> str:
    """Name a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def verify(receipt: Receipt, public_key: bytes, body: bytes | None = None) -> bool:
    """Tell whether a receipt was signed by the holder of `public_key`, and, if `body` is given, for those bytes."""
    if body is not None and hashlib.sha256(body).hexdigest() != receipt.statement.body:
        return False
    try:
        path = [bytes.fromhex(node) for node in receipt.path]
        signature = bytes.fromhex(receipt.signature)
        root = _root(leaf_hash(_encode(receipt.statement)), receipt.index, receipt.size, path)
    except (ValueError, OverflowError):
        return False
    return root is not None and signature_fits(public_key, signature, signed_bytes(receipt.size, root))


def _root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that the path leads to; None where the path cannot be one of that place and size."""
    root = leaf
    low, high = 0, size
    turns: list[bool] = []
    while high - low > 1:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        turns.append(index < middle)
        low, high = (low, middle) if index < middle else (middle, high)
    if not 0 <= index < size or len(turns) != len(path):
        return None
    for is_left, node in zip(reversed(turns), path, strict=True):
        root = node_hash(root, node) if is_left else node_hash(node, root)
    return root if inclusion_holds(leaf, index, size, path, root) else None
