"""Keeping the index of a log up with its signed heads, so that a search finds it ready.

The follower reads the log's files and writes the index; it holds no lock of the node and nothing waits for it. It works
in a process of its own, at low priority: decoding and inserting would take the interpreter away from the node's door.
"""

from __future__ import annotations

import os
from pathlib import Path

from security.audit.checkpoint import VerifierKey, unverified
from security.audit.layout import Layout
from security.audit.policy import Policy
from security.audit.runs import RunTable
from security.audit.tree import TILE
from services.auditor.index import AuditIndex
from services.auditor.search import Searcher

NICE = 10
"""How far below others the follower stands: where the processor is short, the door goes first."""
PERIOD_SECONDS = 0.5


class IndexFollower:
    """Follows one log from head to head; what it has taken up is in the index when `look` returns."""

    def __init__(self, directory: Path, index: Path) -> None:
        self._layout, self._path = Layout(directory), index
        self._index: AuditIndex | None = None
        self._table: RunTable | None = None

    def look(self) -> int:
        """Take up what was signed since the last look; return how many records the index covers.

        Opening compares the whole index with the signed head, and makes it anew where it does not fit. Afterwards only
        the chain of what is new is checked: whoever searches compares again, and believes neither.

        Raises:
            AuditMissingError: there is no log yet. IndexUnusableError: the index cannot be written.
            IntegrityError: the log is not what it signs; the next look begins anew.
        """
        try:
            index, table = self._opened()
            size = unverified(self._layout.checkpoint.read_text(encoding="utf-8")).size
            table.follow(size)
            index.flush()
        except BaseException:
            self.close()
            raise
        return len(table.runs) << TILE

    def close(self) -> None:
        """Give the index back."""
        if self._index is not None:
            self._index.close()
        self._index = self._table = None

    def _opened(self) -> tuple[AuditIndex, RunTable]:
        """Return the open index; one that was removed or made anew by somebody else is opened again."""
        if self._index is None or self._table is None or self._index.gone:
            self.close()
            self._layout.require()
            policy = Policy.of_key(VerifierKey.parse(self._layout.verifier_key.read_text(encoding="utf-8")))
            searcher = Searcher.open(self._layout.directory, policy, self._path)
            self._index, self._table = searcher.index, searcher.evidence.runs
        return self._index, self._table


def give_way() -> None:
    """Put this process below the node."""
    os.nice(NICE)
