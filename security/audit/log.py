"""The audit log's writer: one per directory, durable by groups, heads signed at intervals and at a clean stop.

log = AuditLog.open(data / "audit", origin="casebus.demo/990100/audit/n1", node="n1", signer=key, clock=clock)
log.append([Entry(act="release", org="…", data={…})])     # on disk when it returns
log.submit(Entry(act="login", out="ok")).result()         # shared with other threads' entries
log.close()
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from schemas.clock import Clock
from schemas.errors import CasebusError, UnavailableError
from security.audit.builder import GroupBuilder
from security.audit.chain import Chain
from security.audit.checker import Checker, checked_head
from security.audit.checkpoint import Checkpoint, Signer
from security.audit.errors import AuditClosedError, AuditLockedError, AuditPoisonedError
from security.audit.files import remove_durably, sync_directory, write_durably
from security.audit.group import GroupCommit
from security.audit.heads import HeadFile
from security.audit.layout import Layout
from security.audit.pipeline import Pipeline, name_of
from security.audit.record import Entry
from security.audit.recovery import PENDING, Found, TornTail, examine, resume
from security.audit.replica import Replica, lacking
from security.audit.replication import Replication
from security.audit.segment import DEFAULT_SPAN
from security.audit.segment_file import SegmentFile
from security.audit.signer import HeadSigner

STEP = 8 << 20
"""Space taken at a time, bytes."""

EVERY = 16_384
"""Records between two signed heads."""


class Appended(NamedTuple):
    """What became durable: numbers of the first and last record, and the leaf hash of each."""

    first: int
    last: int
    leaves: list[bytes]


class AuditLog:
    """The single writer of one log. Safe to use from many threads."""

    def __init__(self, layout: Layout, lock: int, pipeline: Pipeline, heads: HeadFile, node: str, clock: Clock) -> None:
        self._layout, self._lock_file, self._pipeline, self._heads = layout, lock, pipeline, heads
        self._node, self._clock = node, clock
        self._every = EVERY
        self._closed = False
        self._publishing = threading.Lock()
        self._group = GroupCommit(lambda entries: self.append(entries).first)
        self.recovered: tuple[TornTail, ...] = ()
        self._replication: Replication | None = None
        self._checker: Checker | None = None
        self._show: Callable[[str], None] | None = None
        self._shown = ""

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
        checked: bool = False,
        known: Sequence[Checkpoint] = (),
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
            checked: read everything again from disk before a head over it is signed (`security/audit/checker.py`).
            known: heads from elsewhere, such as a replica's, that the log must continue.

        Raises:
            AuditLockedError: another writer has it open.
            AuditTamperedError: something below the floor is not what was written; the log can still be read.
            AuditRolledBackError: the log ends below a signed head or below `floor`.
            AuditPoisonedError: the system failed while opening, such as a full disk.
        """
        layout = Layout(directory)
        lock = _taken(layout)
        try:
            heads = HeadFile(layout, HeadSigner(origin, signer, signer_state or layout.signer_head))
            mine = checked_head(layout) if checked else None
            found = examine(layout, origin, [*heads.known, *known, *([mine] if mine else [])], floor)
            chain = found.chain if found else Chain.begin(origin, secrets.token_bytes(32), span)
            heads.require_for(chain)
            builder = GroupBuilder(chain, found.header, found.digest) if found else GroupBuilder(chain)
            pipeline = Pipeline(builder, SegmentFile(layout.segments, step))
            log = cls(layout, lock, pipeline, heads, node, clock)
            log._every = checkpoint_every
            log._checker = Checker(layout, chain, found) if checked else None
            log._start(found)
        except OSError as error:
            os.close(lock)
            raise AuditPoisonedError(reason=name_of(error)) from error
        except BaseException:
            os.close(lock)
            raise
        return log

    @property
    def size(self) -> int:
        """The number of durable records."""
        return self._pipeline.size

    @property
    def poisoned(self) -> bool:
        """Whether a failure of the system ended writing for good: only opening the log again goes on."""
        return self._pipeline.poison is not None

    @property
    def poison(self) -> str | None:
        """The name of that failure, such as `ENOSPC`; None while the log lives."""
        return self._pipeline.poison

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
        groups = self._pipeline.write(entries, self._node, self._clock.now_us, self._require_open)
        if not groups:
            return Appended(self.size, self.size - 1, [])
        if self._replication is not None:
            self._replication.keep_until(groups[-1].size)
        if self._every and self.size - self.head.size >= self._every:
            self._publish_quietly()
        leaves = groups[0].leaves if len(groups) == 1 else [leaf for group in groups for leaf in group.leaves]
        return Appended(groups[-1].size - len(leaves), groups[-1].size - 1, leaves)

    def replicate(self, replica: Replica) -> None:
        """Give `replica` what it lacks; from now on `append` returns only when it has the records too.

        Where the replica cannot have them, `append` raises although the records stand here: nothing is delivered by
        them, and they are given again before later ones. Open the log with the replica's size as its `floor`.

        Raises:
            UnavailableError: the replica cannot have them now.
        """
        if replica.size() < self.size:
            for group in lacking(self._layout.directory, replica):
                replica.keep([group])
        self._replication = Replication(self._pipeline, replica)

    def show_heads(self, show: Callable[[str], None]) -> None:
        """Have every head shown elsewhere once it is published, the present one first.

        Where `show` raises UnavailableError the log goes on: the next head is shown, and covers what this one does.
        """
        self._show = show
        self.checkpoint()

    def submit(self, entry: Entry) -> Future[int]:
        """Hand in one entry; the future has its number once it is durable, in one group with other threads' entries."""
        self._require_open()
        self._pipeline.require_alive()
        return self._group.submit(entry)

    def checkpoint(self) -> str:
        """Sign a head over everything durable, publish it and return the note; without new records, the last one."""
        with self._publishing:
            self._require_open()
            self._pipeline.require_alive()
            try:
                return self._publish()
            except OSError as error:
                raise AuditPoisonedError(reason=self._pipeline.kill(error)) from error

    def close(self) -> None:
        """Stop cleanly: write what is queued, sign a head over everything, mark the stop. A second call does nothing.

        A poisoned log is closed without signing: what is on disk is read back at the next opening.
        """
        self._group.close()
        with self._pipeline.building:
            if self._closed:
                return
            self._closed = True
        self._pipeline.drain()
        with self._publishing:
            try:
                if self._pipeline.poison is None:
                    self._replicate_quietly()
                    note = self._publish()
                    if self.head.size == self.size:
                        write_durably(self._layout.clean, note.encode())
            except OSError as error:
                raise AuditPoisonedError(reason=self._pipeline.kill(error)) from error
            finally:
                self._pipeline.file.close()
                os.close(self._lock_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise AuditClosedError

    def _start(self, found: Found | None) -> None:
        """Bring the directory into the state of a log that is being written."""
        layout, builder, file = self._layout, self._pipeline.builder, self._pipeline.file
        builder.chain.epoch = max(builder.chain.epoch, found.header.epoch if found else 0) + 1
        if found:
            resume(layout, found, builder, file)
        else:
            file.create(builder.begin_segment())
        write_durably(layout.verifier_key, (self._heads.signer.key.text + "\n").encode())
        if not self._heads.published:
            self._publish()
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
            about["size"] = self.size
            self.append([Entry(act="recover", obj=final.name, data=dict(about))])
            path.rename(final)
            sync_directory(final.parent)

    def _replicate_quietly(self) -> None:
        """Give the replica what it lacks before the last head; without it the log ends unsigned behind the replica."""
        if self._replication is not None:
            with suppress(UnavailableError):
                self._replication.keep_until(self.size)

    @property
    def _signable(self) -> int:
        """How many records may be under a head: those that the replica has, where there is one."""
        return self.size if self._replication is None else self._replication.size

    def _publish_quietly(self) -> None:
        """Publish a head after an append, unless another caller is at it.

        If that fails the records stay durable and acknowledged; the next call says why the log can go no further.
        """
        if not self._publishing.acquire(blocking=False):
            return
        try:
            self._publish()
        except (OSError, CasebusError) as error:
            self._pipeline.kill(error)
        finally:
            self._publishing.release()

    def _publish(self) -> str:
        """Sign and publish a head over what is durable now; the builder may be ahead of that."""
        builder = self._pipeline.builder
        tree = builder.chain.tree
        with self._pipeline.building:
            size = max(self._signable, self.head.size)
            root, proof = tree.root(size), tree.consistency_proof(self.head.size, size)
        if self._checker is not None:
            self._check(self._checker, size, root)
        note = self._heads.publish(size, root, proof)
        with self._pipeline.building:
            # The footer of the running segment still lists its tiles.
            tree.prune(size, builder.header.first if builder.header else None)
        if self._show is not None and note != self._shown:
            with suppress(UnavailableError):
                self._show(note)
                self._shown = note
        return note

    def _check(self, checker: Checker, size: int, root: bytes) -> None:
        """Have the disk read again; a log whose disk differs from its memory is written no more."""
        try:
            checker.check(size, root)
        except CasebusError as error:
            self._pipeline.kill(error)
            raise


def _taken(layout: Layout) -> int:
    """Make the folders and lock the log; return the descriptor that holds the lock."""
    try:
        layout.make()
        return _lock(layout.directory)
    except OSError as error:
        raise AuditPoisonedError(reason=name_of(error)) from error


def _lock(directory: Path) -> int:
    """Lock the directory for writing, as long as the descriptor lives; AuditLockedError where another has it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AuditLockedError(directory=directory.name) from None
    return descriptor
