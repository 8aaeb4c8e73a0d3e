"""Following another agency's log: every new head and record verified, and a fork proved where there is one.

The watcher believes the keys of its own policy and nothing else. It keeps the last note that it accepted and the leaf
of every record below it (32 bytes each), so that it can prove a second history by itself:

    DIR/leaves    leaves of the records, 32 bytes each
    DIR/note      the newest accepted note; written last
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from security.audit.checkpoint import Checkpoint, unverified
from security.audit.errors import NoteError
from security.audit.files import write_durably
from security.audit.fork import ForkEvidence
from security.audit.policy import Policy, judge
from security.audit.record import BODY_AT, PREFIX, FormError, decode
from security.audit.tree import EMPTY_ROOT, TILE, Tree, leaf_hash
from services.auditor.errors import ForkedError, WatchedLogError, WatchStateError
from services.auditor.log_source import Source

HASH = 32
RUN = 1 << TILE


@dataclass(frozen=True, slots=True)
class Watched:
    """One round: the size that was known before, the size now, and how many witnesses cosigned the head."""

    before: int
    size: int
    cosigned: int


class LogWatch:
    """Follows one log; `directory` holds what the watcher remembers."""

    def __init__(self, directory: Path, policy: Policy, source: Source) -> None:
        self._directory, self._policy, self._source = directory, policy, source
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._note = ""
        self._leaves: list[bytes] = []
        self._ts = 0
        self._load()

    @property
    def size(self) -> int:
        """How many records were verified."""
        return len(self._leaves)

    def look(self) -> Watched:
        """Verify what is new.

        Raises:
            ForkedError: the log has two histories; its `evidence` proves it to anybody.
            WatchedLogError: what the log shows is not what it signs, or it was set back.
            IntegrityError: the policy does not accept the head.
            SourceUnavailableError: the log cannot be reached.
        """
        note = self._source.checkpoint()
        judged = judge(note, self._policy)
        head, before = judged.checkpoint, self.size
        self._require_same_log(head)
        if head.size < before:
            self._set_back(note, head)
        if head.size == before and self._note and head.root != _root(self._leaves):
            raise self._forked(self._note, note, head.root, ())
        try:
            fresh = self._records(before, head.size)
        except WatchedLogError:
            if not before:
                raise
            fresh = []
        if _root([*self._leaves, *fresh]) != head.root:
            self._look_again(note, head)
        self._keep(note, fresh)
        return Watched(before, head.size, len(judged.cosigned))

    def _records(self, start: int, size: int, prev: bytes | None = None) -> list[bytes]:
        """Read the records from `start` up to `size`, check their chain and form, and return their leaves."""
        prev = self._leaves[start - 1] if start and prev is None else prev
        leaves: list[bytes] = []
        for number in range(start >> TILE, -(-size // RUN)):
            first = number << TILE
            entries = self._source.entries(number, min(size - first, RUN))
            for seq, entry in enumerate(entries, first):
                if seq < start:
                    continue
                self._require_form(entry, seq, prev)
                prev = leaf_hash(entry)
                leaves.append(prev)
        return leaves

    def _require_form(self, entry: bytes, seq: int, prev: bytes | None) -> None:
        if not entry.startswith(PREFIX) or (prev is not None and entry[len(PREFIX) : BODY_AT] != prev):
            raise WatchedLogError(kind="chain_broken", seq=seq)
        try:
            record = decode(entry[BODY_AT:])
        except FormError:
            raise WatchedLogError(kind="record_form", seq=seq) from None
        if record.seq != seq:
            raise WatchedLogError(kind="record_seq", seq=seq)
        if record.ts < self._ts:
            raise WatchedLogError(kind="record_time", seq=seq)
        self._ts = record.ts

    def _look_again(self, note: str, head: Checkpoint) -> None:
        """The new head does not continue what we know: read everything anew, and prove the second history.

        Raises:
            ForkedError: the log has two histories. WatchedLogError: it shows other records than it signs.
        """
        self._ts = 0
        fresh = self._records(0, head.size)
        tree = _tree(fresh)
        if tree.root() != head.root or not self._note:
            raise WatchedLogError(kind="head_root", seq=head.size)
        proof = tuple(tree.consistency_proof(self.size, head.size))
        raise self._forked(self._note, note, _root(fresh[: self.size]), proof)

    def _set_back(self, note: str, head: Checkpoint) -> None:
        """A head below what we know: of another history it proves a fork, of the same one the log was set back."""
        prefix = _root(self._leaves[: head.size])
        if prefix != head.root and head.size:
            proof = tuple(_tree(self._leaves).consistency_proof(head.size, self.size))
            raise self._forked(note, self._note, prefix, proof)
        raise WatchedLogError(kind="truncated", seq=head.size)

    def _forked(self, earlier: str, later: str, prefix: bytes, proof: Sequence[bytes]) -> ForkedError:
        evidence = ForkEvidence(earlier, later, prefix, tuple(proof))
        origin, size, other = evidence.verify(self._policy)
        return ForkedError(evidence, origin=origin, earlier=size, later=other)

    def _require_same_log(self, head: Checkpoint) -> None:
        if self._note and unverified(self._note).origin != head.origin:
            raise WatchStateError(directory=self._directory.name)

    def _keep(self, note: str, fresh: Sequence[bytes]) -> None:
        if fresh or not self._note:
            path = self._directory / "leaves"
            with path.open("r+b" if path.exists() else "wb") as file:
                file.truncate(self.size * HASH)
                file.seek(self.size * HASH)
                file.write(b"".join(fresh))
        self._leaves += fresh
        self._note = note
        write_durably(self._directory / "note", note.encode())

    def _load(self) -> None:
        """Take up what was kept; what does not fit its own note is refused.

        Raises:
            WatchStateError: the watcher's own directory was changed.
        """
        try:
            note = (self._directory / "note").read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        try:
            head = unverified(note)
            raw = (self._directory / "leaves").read_bytes()[: head.size * HASH]
        except (NoteError, OSError):
            raise WatchStateError(directory=self._directory.name) from None
        leaves = [raw[at : at + HASH] for at in range(0, len(raw), HASH)]
        if len(leaves) != head.size or _root(leaves) != head.root:
            raise WatchStateError(directory=self._directory.name)
        self._note, self._leaves = note, leaves


def _tree(leaves: Sequence[bytes]) -> Tree:
    tree = Tree()
    tree.extend(leaves)
    return tree


def _root(leaves: Sequence[bytes]) -> bytes:
    return _tree(leaves).root() if leaves else EMPTY_ROOT
