"""The node's signed head file: signed by the signer, published in one step."""

from __future__ import annotations

from collections.abc import Sequence

from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, opened
from security.audit.errors import AuditTamperedError, NoteError
from security.audit.files import write_durably
from security.audit.layout import Layout
from security.audit.signer import HeadSigner


class HeadFile:
    """Publishes heads over a chain; `published` is the newest one in the file, None before there is one."""

    def __init__(self, layout: Layout, signer: HeadSigner) -> None:
        self._path = layout.checkpoint
        self.signer = signer
        self.published = self._load()

    def _load(self) -> Checkpoint | None:
        if not self._path.exists():
            return None
        try:
            head = opened(self._path.read_text(encoding="utf-8"), self.signer.key)
        except (NoteError, UnicodeDecodeError):
            raise AuditTamperedError(kind="head_signature", seq=0, file=self._path.name, offset=0) from None
        self.signer.adopt(head)
        return head

    @property
    def known(self) -> Sequence[Checkpoint]:
        """Every head that the log must continue: the signer's own, and the published one."""
        return [self.signer.last, *([self.published] if self.published else [])]

    def require_for(self, chain: Chain) -> None:
        """Refuse a log with records and no head: the first head is signed before the first record."""
        if chain.size and not self.published:
            raise AuditTamperedError(kind="head_missing", seq=0, file=self._path.name, offset=0)

    def publish(self, chain: Chain) -> str:
        """Sign and publish a head over the whole chain; without new records the published one is given again.

        The signer writes its own state first, the published file comes after: a crash between leaves the signer ahead,
        never behind.
        """
        if self.published and self.published.size == chain.size:
            return self._path.read_text(encoding="utf-8")
        proof = chain.tree.consistency_proof(self.signer.last.size, chain.size)
        note = self.signer.sign(chain.size, chain.tree.root(), proof)
        write_durably(self._path, note.encode())
        self.published = self.signer.last
        # The footer of the running segment still lists its tiles.
        chain.tree.prune(chain.size, chain.size >> chain.span << chain.span)
        return note
