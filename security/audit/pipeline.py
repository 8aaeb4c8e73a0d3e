"""Two steps of writing, in order: build in memory, then put on disk; one caller builds while another's disk works."""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Callable, Sequence

from schemas.errors import CasebusError
from security.audit.builder import Built, GroupBuilder
from security.audit.errors import AuditPoisonedError
from security.audit.record import Entry, encode
from security.audit.segment_file import SegmentFile


class Pipeline:
    """Serialises callers twice: `building` orders the records, a second lock writes the groups in that order.

    `size` and `root` are those of the durable tree. `poison` names the failure that ended writing, None while it lives.
    `written`, where somebody set it, is given each group once it is durable, in order.
    """

    def __init__(self, builder: GroupBuilder, file: SegmentFile) -> None:
        self.builder, self.file = builder, file
        self.building = threading.Lock()
        self.size, self.root = builder.chain.size, builder.chain.tree.root()
        self.poison: str | None = None
        self.written: deque[Built] | None = None
        self._writing = threading.Lock()
        self._built: deque[Built] = deque()

    def write(
        self, entries: Sequence[Entry], node: str, now: Callable[[], int], ready: Callable[[], None]
    ) -> list[Built]:
        """Make entries durable and return their groups; `ready` raises where the log cannot be written.

        Raises:
            EntryRefusedError: an entry cannot be written; nothing was.
            AuditPoisonedError: the system failed, now or for an earlier caller.
        """
        with self.building:
            ready()
            self.require_alive()
            chain = self.builder.chain
            ts = max(chain.ts, now())
            bodies = encode(entries, chain.size, ts, node, chain.epoch)
            try:
                groups = self.builder.build(entries, bodies, ts)
                self._built.extend(groups)
            except BaseException as error:
                self.kill(error)
                raise
        if groups:
            self._write_until(groups[-1].size)
        return groups

    def drain(self) -> None:
        """Wait for the groups that other callers have built."""
        with self._writing:
            pass

    def require_alive(self) -> None:
        """Refuse where a failure ended writing."""
        if self.poison is not None:
            raise AuditPoisonedError(reason=self.poison)

    def kill(self, error: BaseException) -> str:
        """End writing for good: memory and disk may differ now, only reading back from disk can tell."""
        self.poison = self.poison or name_of(error)
        return self.poison

    def _write_until(self, size: int) -> None:
        """Write groups in order until `size` records are durable; some of them may be other callers'."""
        with self._writing:
            try:
                while self.size < size:
                    self.require_alive()
                    group = self._built.popleft()
                    if group.header:
                        self.file.create(group.header)
                    self.file.append(group.content)
                    if group.footer:
                        self.file.finish(group.footer)
                    if self.written is not None:
                        self.written.append(group)
                    self.size, self.root = group.size, group.root
            except OSError as error:
                raise AuditPoisonedError(reason=self.kill(error)) from error
            except BaseException as error:
                self.kill(error)
                raise


def name_of(error: BaseException) -> str:
    """Name a failure without its text, which could hold a path."""
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode.get(error.errno, str(error.errno))
    return error.code if isinstance(error, CasebusError) else type(error).__name__
