"""The signer of heads: keeps its own last head and signs nothing but a continuation of it.

It stands apart from the log, so that a log that was set back, or rewritten, cannot get a signature. Its file is
written before a signature leaves it: check, persist, sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from security.audit.checkpoint import Checkpoint, Signer, VerifierKey, opened, signed
from security.audit.errors import NoteError, SignerRefusedError
from security.audit.files import write_durably
from security.audit.proofs import consistency_holds
from security.audit.tree import EMPTY_ROOT


class HeadSigner:
    """Signs checkpoints of one log; `path` is its own state, outside the log's directory."""

    def __init__(self, origin: str, signer: Signer, path: Path) -> None:
        self.key = VerifierKey(origin, signer.public_key)
        self._signer = signer
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = self._load()
        self._fresh = kept is None
        self.last = kept or Checkpoint(origin, 0, EMPTY_ROOT)

    def adopt(self, head: Checkpoint) -> None:
        """Take a head that this key signed as the last one, where the signer has no state of its own yet."""
        if self._fresh:
            self.last = head

    def _load(self) -> Checkpoint | None:
        if not self._path.exists():
            return None
        try:
            return opened(self._path.read_text(encoding="utf-8"), self.key)
        except (NoteError, UnicodeDecodeError):
            raise SignerRefusedError(what="own state") from None

    def sign(self, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        """Sign the head (size, root) as a note; `proof` shows that it continues the last head.

        Raises:
            SignerRefusedError: it is smaller than the last head, or not a continuation of it.
            OSError: the signer's own state could not be written; nothing was signed.
        """
        if not consistency_holds(self.last.size, size, self.last.root, root, proof):
            raise SignerRefusedError(what="history")
        checkpoint = Checkpoint(self.key.name, size, root)
        note = signed(checkpoint, self._signer)
        write_durably(self._path, note.encode())
        self.last = checkpoint
        return note
