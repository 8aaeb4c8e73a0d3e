"""The Merkle tree of RFC 6962 §2.1 over leaf hashes, sans-IO.

`Tree` grows in bulk and keeps, for each level, the hashes of perfect subtrees: node (level, index) covers the leaves
index·2^level up to (index+1)·2^level. Proofs are lists of such nodes. `prune` forgets what no later proof needs.
Verification stands in `proofs.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

TILE = 8
"""log2 of the width of a tile (C2SP tlog-tiles)."""

EMPTY_ROOT = sha256().digest()
"""Root of the empty tree: the hash of nothing (RFC 6962 §2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 ‖ entry) (RFC 6962 §2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """An append-only tree of leaf hashes.

    `size` is the number of leaves. Memory: about two hashes a leaf since the last `prune`.
    """

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[list[bytes]] = [[]]
        self._starts = [0]

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        bottom = self._levels[0]
        bottom.extend(leaves)
        self.size = self._starts[0] + len(bottom)
        self._fold(0)

    def add_subtree(self, level: int, root: bytes) -> None:
        """Append 2^level leaves by the root of their perfect subtree; the size must be a multiple of 2^level."""
        if self.size & ((1 << level) - 1):
            raise ValueError("a subtree starts at a multiple of its size")
        self.size += 1 << level
        while len(self._levels) <= level:
            self._levels.append([])
            self._starts.append(0)
        for below in range(level):
            self._levels[below] = []
            self._starts[below] = self.size >> below
        self._levels[level].append(root)
        self._fold(level)

    def _fold(self, level: int) -> None:
        """Hash the pairs that became complete, level by level; one list comprehension a level is the fast way."""
        while True:
            nodes, start = self._levels[level], self._starts[level]
            total = (start + len(nodes)) >> 1
            if level + 1 == len(self._levels):
                if not total:
                    return
                self._levels.append([])
                self._starts.append(0)
            level += 1
            above = self._levels[level]
            done = self._starts[level] + len(above)
            if done >= total:
                return
            left = 2 * done - start
            pairs = zip(nodes[left::2], nodes[left + 1 :: 2], strict=False)
            above += [sha256(b"\x01" + a + b).digest() for a, b in pairs]

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a perfect subtree; IndexError where it is not complete or was pruned."""
        at = index - self._starts[level]
        if at < 0:
            raise IndexError("this part of the tree was pruned")
        return self._levels[level][at]

    def root(self, size: int | None = None) -> bytes:
        """Return MTH of the first `size` leaves, by default of all (RFC 6962 §2.1)."""
        wanted = self.size if size is None else size
        return self._range(0, wanted) if wanted else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int, level: int = 0) -> list[bytes]:
        """Return PATH(index, D[size]) (RFC 6962 §2.1.1), from the leaf upwards.

        With `level`, only its upper part: from the perfect subtree of 2^level leaves around `index`, which must lie in
        `size`.
        """
        if not 0 <= index < size <= self.size:
            raise ValueError("the index is not in the tree")
        low, high = 0, size
        proof = []
        while high - low > 1 << level:
            middle = low + _split(high - low)
            if index < middle:
                proof.append(self._range(middle, high))
                high = middle
            else:
                proof.append(self._range(low, middle))
                low = middle
        return proof[::-1]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Return PROOF(old, D[new]) (RFC 6962 §2.1.2); empty where `old` is 0 or equals `new`."""
        if not 0 <= old <= new <= self.size:
            raise ValueError("the sizes are not in the tree")
        if not old:
            return []
        low, high = 0, new
        proof = []
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                proof.append(self._range(middle, high))
                high = middle
            else:
                proof.append(self._range(low, middle))
                low = middle
        if low:
            proof.append(self._range(low, high))
        return proof[::-1]

    def prune(self, size: int, tiles_from: int | None = None) -> None:
        """Forget what neither roots nor proofs from `size` on need: all but the frontier of `size` and what follows.

        With `tiles_from`, tiles (levels from 8 up) of the leaves from there on stay too: a segment's footer lists them.
        """
        for level, nodes in enumerate(self._levels):
            keep = (size >> level) & ~1
            if tiles_from is not None and level >= TILE:
                keep = min(keep, (tiles_from >> level) & ~1)
            drop = min(keep - self._starts[level], len(nodes))
            if drop > 0:
                del nodes[:drop]
                self._starts[level] += drop

    def truncate(self, size: int) -> None:
        """Take back the leaves from `size` on; only what was not pruned can be taken back."""
        for level, nodes in enumerate(self._levels):
            del nodes[max((size >> level) - self._starts[level], 0) :]
        self.size = size

    def _range(self, low: int, high: int) -> bytes:
        """Return MTH(D[low:high]); `low` is a multiple of a power of two not less than the range."""
        count = high - low
        result = b""
        for level in range(count.bit_length()):
            if count >> level & 1:
                subtree = self.node(level, (high >> level) - 1)
                result = node_hash(subtree, result) if result else subtree
        return result


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count` (RFC 6962 §2.1: k < n <= 2k)."""
    return 1 << ((count - 1).bit_length() - 1)
