"""Recomputing a record's leaf and its path to the root, with nothing but a hash: RFC 6962 §2.1, RFC 9162 §2.1.3.2.

The console has no part of the log's own code, so this is a second pair of eyes on what the node answers.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

ENTRY = b"\x01\x01"
"""Record version 1, suite 1: what an entry begins with (ADR 0005)."""


def leaf_of(body: str, prev: str) -> bytes:
    """Return the leaf hash of a record with this body and this leaf before it (hex)."""
    return sha256(b"\x00" + ENTRY + bytes.fromhex(prev) + body.encode()).digest()


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that the path leads to, None where it does not fit the tree's size."""
    at, last, root = index, size - 1, leaf
    for node in path:
        if last == 0:
            return None
        if at % 2 or at == last:
            root = sha256(b"\x01" + node + root).digest()
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            root = sha256(b"\x01" + root + node).digest()
        at, last = at >> 1, last >> 1
    return root if last == 0 and 0 <= index < size else None


def steps(proved: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return the steps of the proof that were recomputed here, each with whether it holds."""
    leaf = leaf_of(proved["body"], proved["prev"])
    root = root_of(leaf, proved["seq"], proved["size"], [bytes.fromhex(node) for node in proved["path"]])
    head = str(proved["note"]).split("\n")
    return [
        ("leaf", leaf.hex() == proved["leaf"]),
        ("path", root is not None and root.hex() == proved["root"]),
        ("head", head[:2] == [proved["origin"], str(proved["size"])] and head[2] == _base64(proved["root"])),
    ]


def _base64(root: str) -> str:
    return b64encode(bytes.fromhex(root)).decode()
