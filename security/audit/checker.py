"""The checker: reads the log again from disk before a head is signed, and keeps its own last head.

The writer's memory may hold what its disk does not, or a flipped bit. The checker shares nothing with it but the file:
frames, checksums, chain, leaves, commits and the root are made anew from the bytes that were written.
"""

from __future__ import annotations

import copy
import mmap
from pathlib import Path
from typing import cast

from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint
from security.audit.errors import AuditTamperedError, NoteError
from security.audit.files import write_durably
from security.audit.layout import Layout
from security.audit.recovery import Found
from security.audit.segment import HEADER_BYTES, Header, SegmentFormError, file_name
from security.audit.walk import Break, Walk


class Checker:
    """Follows the segments of one log; begins where the log was opened, or where it ended when it was opened."""

    def __init__(self, layout: Layout, chain: Chain, found: Found | None) -> None:
        self._layout = layout
        self._chain = copy.deepcopy(chain)
        running = found is not None and not found.finished
        self._header = found.header if found and running else None
        self._end = found.end if found and running else HEADER_BYTES
        layout.checker_head.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def check(self, size: int, root: bytes) -> None:
        """Read up to `size` records, compare the root, and remember the head.

        Raises:
            AuditTamperedError: the disk does not hold what the writer says.
            OSError: the system failed.
        """
        chain = self._chain
        while chain.size < size:
            self._read(size)
        if chain.size != size or chain.tree.root() != root:
            raise self._tampered(Break("head_root", size, 0), self._path)
        # One less: at the end of a segment its own subtree is still asked for by its footer.
        chain.tree.prune(max(size - 1, 0), self._header.first if self._header else None)
        write_durably(self._layout.checker_head, Checkpoint(chain.origin, size, root).text.encode())

    @property
    def _path(self) -> Path:
        first = self._header.first if self._header else self._chain.size
        return self._layout.segments / file_name(first)

    def _read(self, size: int) -> None:
        """Go on in the running segment, or to the next one."""
        path, chain = self._path, self._chain
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            data = cast("bytes", mapped)  # sliced and hashed like bytes, read where it is touched
            header = self._header or self._begun(data, path)
            chain.span = header.span
            walk = Walk(data, header, chain)
            walk.end = self._end
            for _ in walk:
                if chain.size >= size:
                    break
            self._end = walk.end
            if walk.footer is not None:
                self._header, self._end = None, HEADER_BYTES
            elif chain.size < size:
                raise self._tampered(walk.broken or Break("truncated", chain.size, walk.end), path)

    def _begun(self, data: bytes, path: Path) -> Header:
        try:
            header = Header.decode(data[:HEADER_BYTES])
        except SegmentFormError:
            raise self._tampered(Break("header", self._chain.size, 0), path) from None
        self._chain.span = header.span
        if not self._chain.continued_by(header):
            raise self._tampered(Break("header_link", self._chain.size, 0), path)
        self._header = header
        return header

    def _tampered(self, broken: Break, path: Path) -> AuditTamperedError:
        file = self._layout.relative(path)
        return AuditTamperedError(kind=broken.kind, seq=broken.seq, file=file, offset=broken.offset)


def checked_head(layout: Layout) -> Checkpoint | None:
    """Return the last head that the checker has seen; None where it has seen none."""
    try:
        return Checkpoint.parse(layout.checker_head.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (NoteError, UnicodeDecodeError):
        raise AuditTamperedError(kind="signer_head", seq=0, file=layout.checker_head.name, offset=0) from None
