"""A copy of somebody else's log: group by group as its replica has them, under the heads that its writer signed.

The copy believes nothing: each group is chained and hashed again, its root must be the one of its commit, and a head
counts only where a key that is known from elsewhere signed it and the copy has its root. So what stands in `checkpoint`
of the copy is the writer's word about the copy's own bytes, and every tool for a log works on it (ADR 0023).
"""

from __future__ import annotations

from pathlib import Path

from schemas.errors import IntegrityError
from security.audit.builder import GroupBuilder
from security.audit.catching_up import take_group
from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, VerifierKey
from security.audit.errors import AuditTamperedError
from security.audit.files import write_durably
from security.audit.layout import Layout
from security.audit.policy import Policy, judge
from security.audit.recovery import examine, resume
from security.audit.replica import StoredGroup
from security.audit.segment import Header
from security.audit.segment_file import SegmentFile

STEP = 1 << 20
"""Space taken at a time, bytes: a site has many logs, and most of them are small."""


class LogCopy:
    """The copy in `directory` of the log called `origin`; written by one process only. `policy` knows its keys.

    `signed` is the size of the newest head that holds over the copy, `promised` that of the newest one that was seen.
    """

    def __init__(self, directory: Path, origin: str, policy: Policy, step: int = STEP) -> None:
        self._layout, self._origin, self.policy, self._step = Layout(directory), origin, policy, step
        self._builder: GroupBuilder | None = None
        self.signed = self.promised = 0
        self._layout.make()
        self._file = SegmentFile(self._layout.segments, step)
        self._open()

    @property
    def size(self) -> int:
        """How many records the copy has."""
        return self._builder.chain.size if self._builder else 0

    def begin(self, header: Header) -> None:
        """Begin an empty copy: `header` is that of the log's first segment."""
        if self._builder is None:
            self._builder = GroupBuilder(Chain.begin(self._origin, header.nonce, header.span))

    def take(self, group: StoredGroup) -> None:
        """Append the next group; one that the copy has already is left out.

        Raises:
            ReplicaDiffersError: it does not continue the copy.
        """
        if self._builder is not None and group.commit.size > self.size:
            take_group(self._builder, self._file, group)

    def show(self, note: str) -> None:
        """Take a signed head: it becomes the copy's own where the copy has its records.

        Raises:
            IntegrityError: no known key signed it, or the copy has another root at its size.
        """
        head = judge(note, self.policy, quorum=False).checkpoint
        self.promised = max(self.promised, head.size)
        if not self.signed < head.size <= self.size or self._builder is None:
            return
        tree, header = self._builder.chain.tree, self._builder.header
        if tree.root(head.size) != head.root:
            raise AuditTamperedError(kind="head_root", seq=head.size, file=self._layout.checkpoint.name, offset=0)
        write_durably(self._layout.verifier_key, (signing_key(note, self.policy).text + "\n").encode())
        write_durably(self._layout.checkpoint, note.encode())
        self.signed = head.size
        tree.prune(head.size, header.first if header else None)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _open(self) -> None:
        """Go on where the copy ends; what stands below its signed head must be whole, a torn end is taken again."""
        heads = [self._own_head()] if self._layout.checkpoint.exists() else []
        found = examine(self._layout, self._origin, heads)
        if found is None:
            return
        self._builder = GroupBuilder(found.chain, found.header, found.digest)
        self.signed = self.promised = max((head.size for head in heads), default=0)
        resume(self._layout, found, self._builder, self._file)

    def _own_head(self) -> Checkpoint:
        return judge(self._layout.checkpoint.read_text(encoding="utf-8"), self.policy, quorum=False).checkpoint


def signing_key(note: str, policy: Policy) -> VerifierKey:
    """Return the key of the policy that signed a note which the policy accepts."""
    for key in (key for keys in policy.logs.values() for key in keys):
        try:
            judge(note, Policy.of_key(key), quorum=False)
        except IntegrityError:
            continue
        return key
    judge(note, policy, quorum=False)
    raise AuditTamperedError(kind="head_signature", seq=0, file="checkpoint", offset=0)
