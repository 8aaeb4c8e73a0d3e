"""Level 4 of the index: does it name every record that it should, where it should? It is compared with the whole log.

An index that points to a record too many costs a look; one that leaves a record out hides it from every search that is
not exhaustive. Only the second is a fault, and so is a run that does not have the root of its records.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from security.audit.layout import Layout
from security.audit.log_tree import perfect_root
from security.audit.record import Entry
from security.audit.runs import BLOCK_RECORDS, whole_runs
from security.audit.terms import common_terms, rare_terms
from security.audit.tree import TILE
from services.auditor.index import AuditIndex, decoded_all


@dataclass(slots=True)
class IndexReport:
    """What was compared: runs of 256 records, terms; numbers of the runs that the index lies about."""

    runs: int = 0
    terms: int = 0
    lies: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {"runs": self.runs, "terms": self.terms, "lies": list(self.lies)}


def check_index(directory: Path, file: Path) -> IndexReport | None:
    """Compare the index in `file` with the log in `directory`; None where there is no index.

    Raises:
        IndexUnusableError: the file is no index, or is damaged.
        AuditTamperedError: the log itself is not what was written.
    """
    if not file.exists():
        return None
    index = AuditIndex(file)
    report, lies = IndexReport(), list[int]()
    try:
        roots = {run.number: run.tile for run in index.table(directory).runs}
        for number, records in enumerate(whole_runs(Layout(directory), len(roots))):
            wanted = _terms(records.entries, number << TILE)
            report.runs += 1
            report.terms += len(wanted)
            hidden = bool(wanted) and not index.names(number, wanted)
            if roots.get(number) != perfect_root(records.leaves) or hidden:
                lies.append(number)
    finally:
        index.close()
    report.lies = tuple(lies)
    return report


def _terms(entries: list[bytes], first: int) -> set[tuple[int, int]]:
    """Return the (term, place) that the index must have for one run."""
    found: set[tuple[int, int]] = set()
    everything: list[Entry] = []
    for at in range(0, len(entries), BLOCK_RECORDS):
        decoded = decoded_all(entries[at : at + BLOCK_RECORDS])
        everything += decoded
        found.update((term, first + at) for term in rare_terms(decoded))
    found.update((term, first) for term in common_terms(everything))
    return found
