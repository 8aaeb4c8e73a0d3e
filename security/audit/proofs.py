"""Verification of inclusion and consistency proofs, sans-IO (RFC 9162 §2.1.3.2 and §2.1.4.2; trees as in RFC 6962)."""

from __future__ import annotations

from collections.abc import Sequence

from security.audit.tree import EMPTY_ROOT, node_hash

HASH_BYTES = 32


def inclusion_holds(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether `proof` shows the leaf hash at `index` in the tree of `size` with `root` (RFC 9162 §2.1.3.2).

    Index, size and root must come from a signed head: the same proof can fit other indexes in other sizes.
    """
    if not 0 <= index < size or any(len(p) != HASH_BYTES for p in proof):
        return False
    fn, sn, result = index, size - 1, leaf
    for node in proof:
        if not sn:
            return False
        if fn & 1 or fn == sn:
            result = node_hash(node, result)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            result = node_hash(result, node)
        fn >>= 1
        sn >>= 1
    return not sn and result == root


def consistency_holds(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether `proof` shows that the tree of size `old` is a prefix of that of `new` (RFC 9162 §2.1.4.2)."""
    if not 0 <= old <= new or any(len(p) != HASH_BYTES for p in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if not old:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    return bool(path) and _fold(old, new, old_root, new_root, path)


def _fold(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    from_old = from_new = path[0]
    for node in path[1:]:
        if not sn:
            return False
        if fn & 1 or fn == sn:
            from_old = node_hash(node, from_old)
            from_new = node_hash(node, from_new)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            from_new = node_hash(from_new, node)
        fn >>= 1
        sn >>= 1
    return not sn and from_old == old_root and from_new == new_root
