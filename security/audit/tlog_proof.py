"""Proof files of C2SP tlog-proof: one record's index, path and signed head, for others' tools. Sans-IO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from security.audit.bundle_errors import InclusionError
from security.audit.checkpoint import decode_base64, encode_base64
from security.audit.errors import NoteError
from security.audit.policy import Judged, Policy, judge
from security.audit.proofs import inclusion_holds
from security.audit.tree import leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = 64
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof file: `index` of the record, `path` from the leaf upwards, `note` with the head."""

    index: int
    path: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        """The file's text."""
        path = "".join(f"{encode_base64(node)}\n" for node in self.path)
        return f"{HEADER}\nindex {self.index}\n{path}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """Read a proof file; an `extra` line is passed over, since nothing vouches for it. Raises NoteError."""
        top, gap, note = text.partition("\n\n")
        lines = top.split("\n")
        if len(lines) > 1 and lines[1].startswith("extra "):
            decode_base64(lines.pop(1).removeprefix("extra "))
        found = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
        if lines[0] != HEADER or not gap or found is None or len(lines) > MAX_PROOF:
            raise NoteError(what="proof")
        return cls(int(found[1]), tuple(map(decode_base64, lines[2:])), note)

    def verify(self, entry: bytes, policy: Policy) -> Judged:
        """Return the head under which `entry` stands at `index`, by the verifier's policy.

        Raises:
            IntegrityError: the head is not accepted, or does not cover the entry.
        """
        head = judge(self.note, policy)
        size, root = head.checkpoint.size, head.checkpoint.root
        if not inclusion_holds(leaf_hash(entry), self.index, size, self.path, root):
            raise InclusionError(seq=self.index)
        return head


def proof_file(seq: int, path: Sequence[bytes], note: str) -> str:
    """Return the proof file of record `seq`."""
    return TlogProof(seq, tuple(path), note).text
