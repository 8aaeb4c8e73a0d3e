"""What one verification says: which levels ran, what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.texts import Language
from security.audit.blob_check import BlobReport
from security.audit.faults import Fault
from security.audit.retired_check import Retired

HEADS, TREE, RECORDS, BLOBS = 1, 2, 3, 4
LEVELS = {HEADS: "heads", TREE: "tree", RECORDS: "records", BLOBS: "blobs"}


@dataclass(slots=True)
class VerifyReport:
    """What was verified and what was found.

    Attributes:
        levels: names of the levels that ran. records: whole records read (level 1 reads none).
        size, root: the newest signed head. ok: no fault. notices: findings that are no faults.
        key: `given` by the verifier, or the log's `own`, which proves less.
        clean: the log was stopped cleanly.
        blobs: what level 4 counted, where it ran.
        retired: runs of records whose retention has ended, each with the record that says so.
    """

    levels: list[str] = field(default_factory=list)
    records: int = 0
    size: int = 0
    root: str = ""
    key: str = "given"
    clean: bool = False
    blobs: BlobReport | None = None
    retired: list[Retired] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notices: list[Fault] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    def as_dict(self, language: Language = "en") -> dict[str, Any]:
        """Render it for JSON."""
        return {
            "records": self.records,
            "size": self.size,
            "root": self.root,
            "ok": self.ok,
            "faults": [fault.as_dict(language) for fault in self.faults],
            "notices": [notice.as_dict(language) for notice in self.notices],
            "levels": self.levels,
            "key": self.key,
            "clean": self.clean,
            **({"retired": [each.as_dict() for each in self.retired]} if self.retired else {}),
            **({} if self.blobs is None else {"blobs": self.blobs.as_dict()}),
        }
