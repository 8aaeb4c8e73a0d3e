"""Reading evidence out of a log: entries with their paths under a signed head, as bundles and proof files need them.

The newest head with cosignatures (`cosigned`, beside `checkpoint`) is taken where the policy asks for witnesses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from schemas.errors import IntegrityError
from security.audit.bundle import BundleRecord, record_of, seal
from security.audit.bundle_errors import EarlierHeadError, NothingToExportError
from security.audit.checkpoint import Checkpoint
from security.audit.errors import AuditTamperedError, RecordMissingError
from security.audit.layout import Layout
from security.audit.log_tree import LogTree
from security.audit.policy import NONE, Policy, judge
from security.audit.runs import RunTable
from security.audit.tlog_proof import proof_file
from security.audit.tree import TILE
from security.audit.trust_errors import HeadFormError


@dataclass(frozen=True)
class Evidence:
    """A log under a signed head: `note` is the head as it was signed, `tree` has the root that it signs."""

    note: str
    head: Checkpoint
    policy: Policy
    runs: RunTable
    tree: LogTree

    @classmethod
    def open(cls, directory: Path, policy: Policy, runs: RunTable | None = None) -> Evidence:
        """Open the log in `directory` under its newest head that `policy` accepts.

        Raises:
            AuditMissingError: there is no log. IntegrityError: no head is accepted, or the log has another root.
        """
        layout = Layout(directory)
        layout.require()
        note = head_note(layout, policy)
        head = judge(note, policy).checkpoint
        table = runs or RunTable(directory)
        tree = table.tree(head.size)
        if tree.root() != head.root:
            raise AuditTamperedError(kind="head_root", seq=head.size, file=layout.checkpoint.name, offset=0)
        return cls(note, head, policy, table, tree)

    def entry(self, seq: int) -> bytes:
        """Return entry `seq`.

        Raises:
            RecordMissingError: the head does not cover it. RecordRetiredError: its retention has ended.
        """
        self._require(seq)
        records = self.runs.read(seq >> TILE, self.head.size)
        return records.entries[seq - records.place.seq]

    def path(self, seq: int) -> list[bytes]:
        """Return the inclusion path of record `seq`, from the leaf upwards."""
        return self.tree.inclusion_proof(seq, self.head.size)

    def bundle(self, seqs: Iterable[int], earlier: str | None = None) -> bytes:
        """Return a bundle of these records; with `earlier`, a signed note, also the proof that the log continues it.

        Raises:
            NothingToExportError: no record was asked for. RecordMissingError: the head does not cover one.
            RecordRetiredError: the retention of one has ended.
            EarlierHeadError: the earlier head is not of this log, not earlier, or not accepted.
        """
        wanted = sorted(set(seqs))
        if not wanted:
            raise NothingToExportError
        for seq in (wanted[0], wanted[-1]):
            self._require(seq)
        records: list[BundleRecord] = []
        for number, group in groupby(wanted, key=lambda seq: seq >> TILE):
            entries = self.runs.read(number, self.head.size).entries
            records += [record_of(seq, entries[seq - (number << TILE)], self.path(seq)) for seq in group]
        return seal(self.note, self.policy, records, self._since(earlier) if earlier else None)

    def proof_file(self, seq: int) -> str:
        """Return the C2SP proof file of one record."""
        self._require(seq)
        return proof_file(seq, self.path(seq), self.note)

    def _require(self, seq: int) -> None:
        if not 0 <= seq < self.head.size:
            raise RecordMissingError(seq=seq, size=self.head.size)

    def _since(self, note: str) -> tuple[str, list[bytes]]:
        try:
            old = judge(note, self.policy, quorum=False).checkpoint
        except IntegrityError as error:
            raise EarlierHeadError(why=error.code) from None
        if old.size > self.head.size or old.origin != self.head.origin:
            raise EarlierHeadError(why="order")
        return note, self.tree.consistency_proof(old.size, self.head.size)


def head_note(layout: Layout, policy: Policy) -> str:
    """Return the newest note: with cosignatures where the policy asks for witnesses, else the node's own head."""
    path = layout.checkpoint if policy.quorum == NONE else cosigned_path(layout)
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        raise HeadFormError(what=path.name) from None


def cosigned_path(layout: Layout) -> Path:
    """Return where the newest cosigned head lies: beside the node's own."""
    return layout.directory / "cosigned"
