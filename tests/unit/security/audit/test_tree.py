"""The tree against RFC 6962: published vectors, an independent recursive reference, all proofs of small sizes."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.audit.proofs import consistency_holds, inclusion_holds
from security.audit.tree import EMPTY_ROOT, Tree, leaf_hash

# The test leaves and roots of the Certificate Transparency code (RFC 6962's own implementation).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATH_0_OF_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
LARGEST = 300
LEAVES = [leaf_hash(n.to_bytes(2, "big")) for n in range(LARGEST)]


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:  # noqa: FBT001 - the RFC's own argument
    """SUBPROOF of RFC 6962 §2.1.2, word by word."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]  # noqa: FBT003 - the RFC's own argument


def split(n: int) -> int:
    """Return the largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def tree_of(leaves: list[bytes]) -> Tree:
    """Return a tree of these leaf hashes."""
    tree = Tree()
    tree.extend(leaves)
    return tree


def test_published_roots_and_path() -> None:
    """Roots of every prefix and a path equal the published ones."""
    leaves = [leaf_hash(entry) for entry in CT_LEAVES]

    assert [tree_of(leaves[:n]).root().hex() for n in range(1, 9)] == CT_ROOTS
    assert [node.hex() for node in tree_of(leaves).inclusion_proof(0, 8)] == CT_PATH_0_OF_8
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_roots_of_all_sizes() -> None:
    """The root of every prefix equals the recursive reference, grown leaf by leaf and in bulk."""
    tree, bulk = Tree(), tree_of(LEAVES)
    for size in range(LARGEST + 1):
        expected = mth(LEAVES[:size])

        assert tree.root() == bulk.root(size) == expected

        tree.extend(LEAVES[size : size + 1])


def test_inclusion_proofs_of_all_sizes_and_indexes() -> None:
    """Every proof of every size to 300 holds, and fails for the next index, another size and another root."""
    tree = tree_of(LEAVES)
    for size in range(1, LARGEST + 1):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion_proof(index, size)

            assert inclusion_holds(LEAVES[index], index, size, proof, root)
            if size > 1:
                assert not inclusion_holds(LEAVES[index], (index + 1) % size, size, proof, root)
                assert not inclusion_holds(LEAVES[index], index, size, proof[:-1], root)


def test_consistency_proofs_of_all_sizes() -> None:
    """Every proof between sizes to 300 holds, and fails with the roots exchanged or the proof cut."""
    tree = tree_of(LEAVES)
    roots = [tree.root(size) for size in range(LARGEST + 1)]
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            proof = tree.consistency_proof(old, new)

            assert consistency_holds(old, new, roots[old], roots[new], proof)
            if 0 < old < new:
                assert not consistency_holds(old, new, roots[new], roots[old], proof)
                assert not consistency_holds(old, new, roots[old], roots[new], proof[:-1])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_proofs_equal_the_reference(data: st.DataObject) -> None:
    """Paths and consistency proofs equal those of the recursive reference."""
    size = data.draw(st.integers(1, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    tree, leaves = tree_of(LEAVES[:size]), LEAVES[:size]

    assert tree.inclusion_proof(index, size) == path(index, leaves)
    assert tree.consistency_proof(old, size) == subproof(old, leaves, whole=True)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_proof_fails(data: st.DataObject) -> None:
    """A proof with one flipped bit, one node more, or another leaf does not hold."""
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(LEAVES[:size])
    proof, root = tree.inclusion_proof(index, size), tree.root()
    at = data.draw(st.integers(0, len(proof) - 1))
    turned = bytearray(proof[at])
    turned[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))

    assert not inclusion_holds(LEAVES[index], index, size, [*proof[:at], bytes(turned), *proof[at + 1 :]], root)
    assert not inclusion_holds(LEAVES[index], index, size, [*proof, root], root)
    assert not inclusion_holds(leaf_hash(b"other"), index, size, proof, root)
    assert not inclusion_holds(LEAVES[index], size, size, proof, root)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=8), st.integers(0, 300))
def test_bulk_pruned_and_truncated_growth_agree(sizes: list[int], pruned: int) -> None:
    """Growing in any steps, pruning, and taking back leaves give the same roots and the same later proofs."""
    tree, count = Tree(), 0
    for size in sizes:
        tree.extend(LEAVES[count : min(count + size, LARGEST)])
        count = tree.size
    keep = min(pruned, count)
    reference = tree_of(LEAVES[:count])

    tree.prune(keep)
    tree.extend([leaf_hash(b"wrong")] * 5)
    tree.truncate(count)

    assert tree.root() == reference.root()
    assert tree.consistency_proof(keep, count) == reference.consistency_proof(keep, count)


@pytest.mark.parametrize("size", [0, 16, 32, 48])
def test_a_subtree_stands_for_its_leaves(size: int) -> None:
    """Adding sixteen leaves by the root of their subtree gives the same tree, and the upper part of the same path."""
    whole, by_roots = tree_of(LEAVES[: size + 21]), tree_of(LEAVES[:size])

    by_roots.add_subtree(4, mth(LEAVES[size : size + 16]))
    by_roots.extend(LEAVES[size + 16 : size + 21])

    assert by_roots.root() == whole.root()
    assert by_roots.inclusion_proof(size + 3, size + 21, 4) == whole.inclusion_proof(size + 3, size + 21)[4:]


def test_misuse_is_refused() -> None:
    """Proofs outside the tree, pruned nodes and subtrees out of place raise."""
    tree = tree_of(LEAVES[:10])

    with pytest.raises(ValueError):
        tree.inclusion_proof(10, 10)
    with pytest.raises(ValueError):
        tree.consistency_proof(3, 11)
    with pytest.raises(ValueError):
        tree.add_subtree(2, LEAVES[0])
    tree.prune(8)
    with pytest.raises(IndexError):
        tree.inclusion_proof(1, 10)


def test_degenerate_proofs() -> None:
    """Sizes out of order, hashes of the wrong length and a proof from the empty tree behave as RFC 9162 says."""
    root = tree_of(LEAVES[:5]).root()

    assert consistency_holds(0, 5, EMPTY_ROOT, root, [])
    assert not consistency_holds(0, 5, root, root, [])
    assert not consistency_holds(6, 5, root, root, [])
    assert not consistency_holds(3, 5, root, root, [])
    assert not consistency_holds(5, 5, root, root, [root])
    assert not inclusion_holds(LEAVES[0], 0, 2, [b"short"], root)
    assert not inclusion_holds(LEAVES[0], -1, 2, [root], root)
