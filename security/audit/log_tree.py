"""The tree of a log on disk, by its runs: everything above 256 leaves in memory, what lies below read when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from security.audit.tree import TILE, Tree

_KEPT = 64


class LogTree(Tree):
    """A tree over run hashes (`tiles`) and the leaves of the last, unfinished run (`rest`).

    `leaves_of` reads the leaves of a whole run, given its number.
    """

    def __init__(
        self, tiles: Sequence[bytes], rest: Sequence[bytes], leaves_of: Callable[[int], Sequence[bytes]]
    ) -> None:
        super().__init__()
        self._leaves_of = leaves_of
        self._loaded: dict[int, list[list[bytes]]] = {}
        if tiles:
            self.size = len(tiles) << TILE
            self._levels = [*([] for _ in range(TILE)), list(tiles)]
            self._starts = [*(self.size >> level for level in range(TILE)), 0]
            self._fold(TILE)
        self.extend(rest)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a perfect subtree, from memory or from its run."""
        if level >= TILE or index >= self._starts[level]:
            return super().node(level, index)
        number = index >> (TILE - level)
        levels = self._loaded.get(number)
        if levels is None:
            while len(self._loaded) >= _KEPT:
                del self._loaded[next(iter(self._loaded))]
            levels = self._loaded[number] = levels_of(self._leaves_of(number))
        return levels[level][index - (number << (TILE - level))]


def levels_of(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the levels of a perfect tree, leaves first, the root alone last (RFC 6962 §2.1)."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([sha256(b"\x01" + a + b).digest() for a, b in zip(below[::2], below[1::2], strict=True)])
    return levels


def perfect_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a perfect tree; the number of leaves is a power of two."""
    return levels_of(leaves)[-1][0]
