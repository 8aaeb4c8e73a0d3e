"""Level 4: every blob that a record names is there as it was, or was erased by a record, or is missing.

A blob that no record names was written by a node that was killed before its record stood; it is no fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from security.audit.blobs import BlobStore
from security.audit.record import Entry

ERASE = "erase"


@dataclass(slots=True)
class BlobReport:
    """How many of the named blobs are present, erased (by how many records), missing.

    `erased_by`: key id → number of the record that erased it.
    """

    present: int = 0
    erased: int = 0
    missing: int = 0
    erased_by: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {
            "present": self.present,
            "erased": self.erased,
            "missing": self.missing,
            "erased_by": [{"kid": kid, "record": seq} for kid, seq in sorted(self.erased_by.items())],
        }


@dataclass(frozen=True, slots=True)
class BlobFault:
    """One finding: its kind, the record that names the blob, the file where there is one."""

    kind: str
    seq: int
    file: Path | None = None


def check(records: Iterable[Entry], store: BlobStore, report: BlobReport) -> Iterator[BlobFault]:
    """Compare what records name with what lies beside the log; fill `report`, yield what is wrong."""
    wanted: dict[tuple[str, str], int] = {}
    for record in records:
        for sealed in record.pii:
            wanted.setdefault((sealed.kid, sealed.c), record.seq)
        kid = record.data.get("kid")
        if record.act == ERASE and record.out == "ok" and isinstance(kid, str):
            report.erased_by.setdefault(kid, record.seq)
    found: dict[tuple[str, str], Path] = {}
    for path, there in store.all():
        if there is None:
            yield BlobFault("blob_altered", 0, path)
        else:
            found[there.kid, there.c] = path
    for (kid, c), seq in wanted.items():
        path_of = found.get((kid, c))
        if kid in report.erased_by:
            report.erased += 1
            if path_of is not None:
                yield BlobFault("blob_left", report.erased_by[kid], path_of)
        elif path_of is not None:
            report.present += 1
        else:
            report.missing += 1
            yield BlobFault("blob_missing", seq)
