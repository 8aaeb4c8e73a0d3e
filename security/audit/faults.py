"""What verification can find, each by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.texts import Language, text

KINDS = {
    # Heads and keys.
    "key": "audit.fault.key",
    "head_missing": "audit.fault.head_missing",
    "head_signature": "audit.fault.head_signature",
    "head_root": "audit.fault.head_root",
    "head_size": "audit.fault.head_size",
    "signer_head": "audit.fault.signer_head",
    "clean_mark": "audit.fault.clean_mark",
    # Files and frames.
    "segment_missing": "audit.fault.segment_missing",
    "kept": "audit.fault.kept",
    "retired_unrecorded": "audit.fault.retired_unrecorded",
    "header": "audit.fault.header",
    "header_link": "audit.fault.header_link",
    "frame_crc": "audit.fault.frame_crc",
    "frame_length": "audit.fault.frame_length",
    "frame_kind": "audit.fault.frame_kind",
    "commit": "audit.fault.commit",
    "footer": "audit.fault.footer",
    "tail_not_zero": "audit.fault.tail_not_zero",
    "truncated": "audit.fault.truncated",
    "unsigned_records": "audit.fault.unsigned_records",
    # Records in the chain.
    "record_missing": "audit.fault.record_missing",
    "record_moved": "audit.fault.record_moved",
    "record_repeated": "audit.fault.record_repeated",
    "record_inserted": "audit.fault.record_inserted",
    "chain_broken": "audit.fault.chain_broken",
    # What records say.
    "record_form": "audit.fault.record_form",
    "record_version": "audit.fault.record_version",
    "record_seq": "audit.fault.record_seq",
    "record_time": "audit.fault.record_time",
    "record_epoch": "audit.fault.record_epoch",
    # Blobs beside the log.
    "blob_missing": "audit.fault.blob_missing",
    "blob_altered": "audit.fault.blob_altered",
    "blob_left": "audit.fault.blob_left",
    # The index beside the log.
    "index_lies": "audit.fault.index_lies",
    # Notices: the log is in order, and there is something to know.
    "torn_tail": "audit.notice.torn_tail",
    "unsigned": "audit.notice.unsigned",
    "retired": "audit.notice.retired",
    "unknown_act": "audit.notice.unknown_act",
    "key_not_given": "audit.notice.key_not_given",
    "not_checked": "audit.notice.not_checked",
    "passed": "audit.notice.passed",
}
"""The text of each kind."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding: its kind, the record expected there, the file inside the log, the offset in it.

    `count` is a number that some kinds tell: bytes, records, commits.
    """

    kind: str
    seq: int
    file: str
    offset: int
    count: int = 0

    def text(self, language: Language = "en") -> str:
        """Say it to a person."""
        return text(KINDS[self.kind], language, seq=self.seq, file=self.file, offset=self.offset, count=self.count)

    def as_dict(self, language: Language = "en") -> dict[str, Any]:
        """Render it for JSON."""
        place = {"kind": self.kind, "seq": self.seq, "file": self.file, "offset": self.offset}
        return {**place, "text": self.text(language)}
