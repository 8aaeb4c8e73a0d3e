"""The audit log's writer: one per directory, durable by groups, heads signed at intervals and at a clean stop.

log = AuditLog.open(data / "audit", origin="casebus.demo/990100/audit/n1", node="n1", signer=key, clock=clock)
log.append([Entry(act="release", org="…", data={…})])     # on disk when it returns
log.submit(Entry(act="login", out="ok")).result()         # shared with other threads' entries
log.close()
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from schemas.clock import Clock
from schemas.errors import CasebusError
from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, Signer
from security.audit.errors import AuditClosedError, AuditLockedError, AuditPoisonedError
from security.audit.files import remove_durably, sync_directory, write_durably
from security.audit.group import GroupCommit
from security.audit.heads import HeadFile
from security.audit.layout import Layout
from security.audit.record import Entry, encode
from security.audit.recovery import PENDING, Found, TornTail, examine, repair
from security.audit.segment import DEFAULT_SPAN
from security.audit.signer import HeadSigner
from security.audit.writer import GroupWriter

STEP = 8 << 20
"""Space taken at a time, bytes."""

EVERY = 4_096
"""Records between two signed heads."""


class Appended(NamedTuple):
    """What became durable: numbers of the first and last record, and the leaf hash of each."""

    first: int
    last: int
    leaves: list[bytes]


class AuditLog:
    """The single writer of one log. Safe to use from many threads."""

    def __init__(
        self, layout: Layout, lock: int, writer: GroupWriter, heads: HeadFile, node: str, clock: Clock
    ) -> None:
        self._layout, self._lock_file, self._writer, self._heads = layout, lock, writer, heads
        self._chain, self._node, self._clock = writer.chain, node, clock
        self._every = EVERY
        self._poison: str | None = None
        self._closed = False
        self._mutex = threading.RLock()
        self._group = GroupCommit(lambda entries: self.append(entries).first)
        self.recovered: tuple[TornTail, ...] = ()

    @classmethod
    def open(
        cls,
        directory: Path,
        origin: str,
        node: str,
        signer: Signer,
        clock: Clock,
        *,
        span: int = DEFAULT_SPAN,
        checkpoint_every: int = EVERY,
        floor: int = 0,
        signer_state: Path | None = None,
        step: int = STEP,
    ) -> Self:
        """Open or make the log in `directory` for writing; a torn tail is quarantined and recorded.

        Args:
            directory: the log's own folder.
            origin: name of the log in its heads, such as `casebus.<root>/<agency>/audit/<node>`; no `+`, no space.
            node: name of this node in each record.
            signer: Ed25519 key that signs the heads.
            clock: gives each record's time; it never goes back in the log.
            span: log2 of the records of a segment, for a new log only.
            checkpoint_every: records between two signed heads; 0: only when asked, and at the clean stop.
            floor: records that the log must have: the highest audit seq cited by the bus, plus one.
            signer_state: where the signer keeps its own last head; by default beside the directory.
            step: bytes of space taken at a time.

        Raises:
            AuditLockedError: another writer has it open.
            AuditTamperedError: something below the floor is not what was written; the log can still be read.
            AuditRolledBackError: the log ends below a signed head or below `floor`.
            AuditPoisonedError: the system failed while opening, such as a full disk.
        """
        layout = Layout(directory)
        try:
            layout.make()
            lock = _lock(directory)
        except OSError as error:
            raise AuditPoisonedError(reason=_name(error)) from error
        try:
            heads = HeadFile(layout, HeadSigner(origin, signer, signer_state or layout.signer_head))
            found = examine(layout, origin, heads.known, floor)
            chain = found.chain if found else Chain.begin(origin, secrets.token_bytes(32), span)
            heads.require_for(chain)
            log = cls(layout, lock, GroupWriter(chain, layout.segments, step), heads, node, clock)
            log._every = checkpoint_every
            log._start(found)
        except OSError as error:
            os.close(lock)
            raise AuditPoisonedError(reason=_name(error)) from error
        except BaseException:
            os.close(lock)
            raise
        return log

    @property
    def size(self) -> int:
        """The number of durable records."""
        return self._chain.size

    @property
    def head(self) -> Checkpoint:
        """The newest signed head."""
        return self._heads.signer.last

    def append(self, entries: Sequence[Entry]) -> Appended:
        """Write entries in order; all are durable when it returns. Refused entries refuse the whole call.

        Raises:
            EntryRefusedError: an entry cannot be written; nothing was.
            AuditPoisonedError: the system failed, now or before; open the log again.
            AuditClosedError: the log was closed.
        """
        with self._mutex:
            self._require_usable()
            chain = self._chain
            first, ts = chain.size, max(chain.ts, self._clock.now_us())
            bodies = encode(entries, first, ts, self._node, chain.epoch)
            leaves: list[bytes] = []
            try:
                while len(leaves) < len(bodies):
                    leaves += self._writer.write(entries, bodies, len(leaves), ts)
            except BaseException as error:
                # Whatever cut it short, memory and disk may differ now: only reading back from disk can tell.
                self._poison = _name(error)
                if isinstance(error, OSError):
                    raise AuditPoisonedError(reason=self._poison) from error
                raise
            if self._every and chain.size - self.head.size >= self._every:
                self._publish_quietly()
            return Appended(first, chain.size - 1, leaves)

    def submit(self, entry: Entry) -> Future[int]:
        """Hand in one entry; the future has its number once it is durable, in one group with other threads' entries."""
        self._require_usable()
        return self._group.submit(entry)

    def checkpoint(self) -> str:
        """Sign a head over everything durable, publish it and return the note; without new records, the last one."""
        with self._mutex:
            self._require_usable()
            try:
                return self._heads.publish(self._chain)
            except OSError as error:
                self._poison = _name(error)
                raise AuditPoisonedError(reason=self._poison) from error

    def close(self) -> None:
        """Stop cleanly: write what is queued, sign a head over everything, mark the stop. A second call does nothing.

        A poisoned log is closed without signing: what is on disk is read back at the next opening.
        """
        if self._closed:
            return
        self._group.close()
        with self._mutex:
            self._closed = True
            try:
                if self._poison is None:
                    note = self._heads.publish(self._chain)
                    write_durably(self._layout.clean, note.encode())
            except OSError as error:
                raise AuditPoisonedError(reason=_name(error)) from error
            finally:
                self._writer.close()
                os.close(self._lock_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _require_usable(self) -> None:
        if self._closed:
            raise AuditClosedError
        if self._poison is not None:
            raise AuditPoisonedError(reason=self._poison)

    def _start(self, found: Found | None) -> None:
        """Bring the directory into the state of a log that is being written."""
        layout, chain = self._layout, self._chain
        chain.epoch = max(chain.epoch, found.header.epoch if found and found.header else 0) + 1
        if found and found.path and found.header:
            repair(layout, found)
            if not found.finished:
                self._writer.resume(found.path, found.header, found.end, found.digest)
        else:
            self._writer.begin_segment()
        write_durably(layout.verifier_key, (self._heads.signer.key.text + "\n").encode())
        if not self._heads.published:
            self._heads.publish(chain)
        remove_durably(layout.clean)
        self._record_recovery(found)

    def _record_recovery(self, found: Found | None) -> None:
        """Record each quarantined tail; its file loses the word `pending` only once the record is durable."""
        tail = found.tail if found else None
        self.recovered = (tail,) if tail else ()
        for path in sorted(self._layout.quarantine.glob("*" + PENDING)):
            lost = path.read_bytes()
            final = path.with_name(path.name.removesuffix(PENDING))
            about: dict[str, int | str] = {"bytes": len(lost), "sha256": sha256(lost).hexdigest()}
            if tail and path.name.startswith(f"{tail.seq:020d}"):
                about |= {"kind": tail.kind, "offset": tail.offset, "commits": tail.commits, "file": tail.path.name}
            data = {**about, "last": self._chain.size - 1} if self._chain.size else about
            self.append([Entry(act="recover", obj=final.name, data=dict(data))])
            path.rename(final)
            sync_directory(final.parent)

    def _publish_quietly(self) -> None:
        """Publish a head after an append: the records stay acknowledged if it fails, and the next call says why."""
        try:
            self._heads.publish(self._chain)
        except (OSError, CasebusError) as error:
            self._poison = _name(error)


def _lock(directory: Path) -> int:
    """Lock the directory for writing, as long as the descriptor lives; AuditLockedError where another has it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AuditLockedError(directory=directory.name) from None
    return descriptor


def _name(error: BaseException) -> str:
    """Name a failure without its text, which could hold a path."""
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode.get(error.errno, str(error.errno))
    return error.code if isinstance(error, CasebusError) else type(error).__name__
