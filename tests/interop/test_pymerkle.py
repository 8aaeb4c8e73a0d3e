"""pymerkle, which others wrote, agrees: roots of every size, inclusion and consistency proofs."""

from __future__ import annotations

import pytest
from pymerkle import InmemoryTree, InvalidProof, verify_consistency, verify_inclusion

from security.audit.proofs import consistency_holds, inclusion_holds
from security.audit.tree import Tree, leaf_hash

ENTRIES = [bytes([1, 1]) + n.to_bytes(2, "big") * (n % 5) for n in range(300)]
PAIRS = 64
"""Sizes whose every index and every pair is compared; larger ones by a few."""
SIZES = (*range(1, PAIRS + 1), 127, 128, 129, 255, 256, 257, 300)


@pytest.fixture(scope="module")
def theirs() -> InmemoryTree:
    """Their tree over the entries."""
    tree = InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        tree.append_entry(entry)
    return tree


@pytest.fixture(scope="module")
def ours() -> Tree:
    """Our tree over the entries."""
    tree = Tree()
    tree.extend(leaf_hash(entry) for entry in ENTRIES)
    return tree


def test_roots_of_every_size(theirs: InmemoryTree, ours: Tree) -> None:
    """From one entry to three hundred."""
    assert [theirs.get_root(size) for size in range(1, 301)] == [ours.root(size) for size in range(1, 301)]


def test_inclusion_paths_of_every_index(theirs: InmemoryTree, ours: Tree) -> None:
    """The same nodes in the same order; their proof stands against our root, ours by our own check."""
    for size in SIZES:
        for index in range(size) if size <= PAIRS else (0, 1, size // 2, size - 1):
            proof, path = theirs.prove_inclusion(index + 1, size), ours.inclusion_proof(index, size)
            leaf, *nodes = proof.path
            assert (leaf, nodes) == (leaf_hash(ENTRIES[index]), path)
            verify_inclusion(leaf, ours.root(size), proof)
            assert inclusion_holds(leaf, index, size, nodes, theirs.get_root(size))


def test_consistency_of_every_pair(theirs: InmemoryTree, ours: Tree) -> None:
    """Their proof leads from our earlier root to our later one, ours from theirs."""
    for size in SIZES:
        for old in range(1, size + 1) if size <= PAIRS else (1, 2, size // 2, size - 1):
            verify_consistency(ours.root(old), ours.root(size), theirs.prove_consistency(old, size))
            proof = ours.consistency_proof(old, size)
            assert consistency_holds(old, size, theirs.get_root(old), theirs.get_root(size), proof)


def test_they_refuse_another_root(theirs: InmemoryTree, ours: Tree) -> None:
    """The comparison is no empty one: a root of another size is refused by their check."""
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf_hash(ENTRIES[3]), ours.root(20), theirs.prove_inclusion(4, 21))
    with pytest.raises(InvalidProof):
        verify_consistency(ours.root(7), ours.root(20), theirs.prove_consistency(7, 21))
