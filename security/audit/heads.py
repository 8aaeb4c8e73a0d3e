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

    def publish(self, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        """Sign and publish the head (size, root); the published one is given again where it has that size.

        `proof` shows that it continues the signer's last head. The signer writes its own state first, the published
        file comes after: a crash between leaves the signer ahead, never behind.
        """
        if self.published and self.published.size == size:
            return self._path.read_text(encoding="utf-8")
        note = self.signer.sign(size, root, proof)
        write_durably(self._path, note.encode())
        self.published = self.signer.last
        return note
