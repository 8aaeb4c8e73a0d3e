"""Verification of a log as it lies on disk: named levels, every fault by its name (ADR 0005).

Level 1 heads: signatures, the signer's own head, the mark of a clean stop. Level 2 tree: every byte of every segment:
headers, checksums, chain, leaves, commits, footers, zeros, and the signed roots. Level 3 records: canonical form,
numbers, times, leases, positions. Level 4 blobs: every sealed blob that a record names is present, erased by a record,
or missing. A higher level runs the lower ones.

A retired segment has no records any more: its hashes are checked like every byte, and a signed record behind it must
say that it was retired. The report names that record; without it the segment counts as taken away.

A torn tail above every signed head is a notice, not a fault: such a log is in order, and its next start quarantines it.

With `since` the full segments before that record are not read: they count by their footers, whose roots lead to the
signed root or do not. What their bytes say now is not looked at, and a notice says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from security.audit.blob_check import BlobReport
from security.audit.blob_check import check as check_blobs
from security.audit.blobs import BlobStore
from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, VerifierKey, opened
from security.audit.classify import commits_after
from security.audit.errors import NoteError
from security.audit.faults import Fault
from security.audit.kept import Kept, kept_path
from security.audit.layout import KEPT, Layout
from security.audit.passage import Passage, passage
from security.audit.reading import naming_blobs
from security.audit.record_check import RecordCheck
from security.audit.recovery import stopped_cleanly
from security.audit.report import BLOBS, HEADS, LEVELS, RECORDS, TREE, VerifyReport
from security.audit.retired_check import Claim, RetiredCheck
from security.audit.segment import HEADER_BYTES, Header, SegmentFormError
from security.audit.walk import Break, Walk, first_not_zero, last_footer

Progress = Callable[[int, int], None]


def verify(
    directory: Path,
    level: int = RECORDS,
    public_key: VerifierKey | None = None,
    *,
    floor: int = 0,
    signer_head: Path | None = None,
    progress: Progress | None = None,
    since: int = 0,
) -> VerifyReport:
    """Verify the log in `directory` and report; faults are reported, not raised.

    Args:
        directory: the log's own folder.
        level: 1 heads, 2 tree, 3 records, 4 blobs.
        public_key: the key that must have signed; without one the log's own is used, and the report says so.
        floor: number of records that the log must have, known from elsewhere.
        signer_head: where the signer keeps its own head; by default beside the directory, if it is there.
        progress: called now and then with the records checked and the records that the heads promise.
        since: number of a record; full segments that end before it are not read.

    Raises:
        AuditMissingError: there is no log.
    """
    layout = Layout(directory)
    layout.require()
    return Verification(layout, level, floor, signer_head or layout.signer_head, progress, since).run(public_key)


class Part(NamedTuple):
    """What one run found of the segment from `first` to `end`: in order or not, and the state of the log behind it."""

    first: int
    end: int
    ok: bool
    unknown_acts: int = 0
    met: tuple[Checkpoint, ...] = ()
    said: Mapping[Claim, int] = {}
    prev: bytes = b""
    epoch: int = 0


class Verification:
    """One run of `verify`; `part` is a run over one segment alone, `take` brings what parts found into a whole run."""

    def __init__(
        self,
        layout: Layout,
        level: int,
        floor: int,
        signer_head: Path,
        progress: Progress | None = None,
        since: int = 0,
    ) -> None:
        self._progress, self._since = progress, since
        self._before: int | None = None
        self._unread = 0
        self._layout, self._level, self._floor, self._signer_head = layout, level, floor, signer_head
        self._report = VerifyReport()
        self._heads: list[Checkpoint] = []
        self._met: set[Checkpoint] = set()
        self._records = RecordCheck()
        self._retired = RetiredCheck()

    def part(self, key: VerifierKey | None, end: int) -> Part:
        """Read the segment from `since` to `end`, and nothing else."""
        self._before, key = end, key or self._own_key()
        if key is None:
            return Part(self._since, end, ok=False)
        self._check_heads(key)
        chain = self._chain(key.name, self._layout.pieces(), end)
        if chain is None or chain.size != end or not self._report.ok:
            return Part(self._since, end, ok=False)
        acts, met, said = self._records.unknown_acts, tuple(self._met), self._retired.said
        return Part(
            self._since, end, ok=True, unknown_acts=acts, met=met, said=said, prev=chain.prev, epoch=chain.epoch
        )

    def take(self, parts: Sequence[Part]) -> None:
        """Count what parts have read, so that this run needs not; before `run`."""
        for part in parts:
            self._report.records += part.end - part.first
            self._unread -= part.end - part.first
            self._records.unknown_acts += part.unknown_acts
            self._met.update(part.met)
            self._retired.learn(part.said)

    def run(self, key: VerifierKey | None) -> VerifyReport:
        """Verify the log."""
        report = self._report
        report.levels = [LEVELS[n] for n in range(HEADS, min(self._level, RECORDS) + 1)]
        key = key or self._own_key()
        if key is not None:
            self._check_heads(key)
        if self._level >= TREE:
            if key is not None:
                self._check_tree(key.name)
            else:
                self._notice("not_checked")
        if self._records.unknown_acts:
            self._notice("unknown_act", count=self._records.unknown_acts)
        if self._level >= BLOBS:
            self._check_blobs()
        return report

    # Level 1.

    def _check_heads(self, key: VerifierKey) -> None:
        report, layout = self._report, self._layout
        for path, missing, wrong in (
            (layout.checkpoint, "head_missing", "head_signature"),
            (self._signer_head, "", "signer_head"),
        ):
            try:
                self._heads.append(opened(path.read_text(encoding="utf-8"), key))
            except FileNotFoundError:
                if missing:
                    self._fault(missing, file=path)
            except (NoteError, UnicodeDecodeError):
                self._fault(wrong, file=path)
        if self._heads:
            newest = max(self._heads, key=lambda head: head.size)
            report.size, report.root = newest.size, newest.root.hex()
        report.clean = stopped_cleanly(layout)
        if layout.clean.exists() and not report.clean:
            self._fault("clean_mark", file=layout.clean)

    def _own_key(self) -> VerifierKey | None:
        self._report.key = "own"
        self._notice("key_not_given")
        try:
            return VerifierKey.parse(self._layout.verifier_key.read_text(encoding="utf-8"))
        except (FileNotFoundError, NoteError, UnicodeDecodeError):
            self._fault("key", file=self._layout.verifier_key)
            return None

    # Levels 2 and 3.

    def _check_tree(self, origin: str) -> None:
        report, files = self._report, self._layout.pieces()
        least = max([self._floor, *(head.size for head in self._heads)])
        chain = self._chain(origin, files, least)
        if chain is None and files:
            return
        self._judge_retired()
        if self._unread:
            self._notice("passed", count=self._unread)
        size = chain.size if chain else 0
        if size < least and report.ok:
            self._fault("truncated", size, files[-1] if files else self._layout.segments, count=least - size)
        if report.ok and set(self._heads) - self._met:
            self._fault("head_size" if size else "truncated", size, self._layout.checkpoint, count=least)
        if size > least and report.ok:
            if report.clean:
                self._fault("unsigned_records", least, files[-1], count=size - least)
            else:
                self._notice("unsigned", least, files[-1], count=size - least)

    def _chain(self, origin: str, files: Sequence[Path], least: int) -> Chain | None:
        """Check the segments in order; return the state behind them, or None where something cannot be checked."""
        chain: Chain | None = None
        for path in files:
            if self._before is not None and int(path.stem) >= self._before:
                break
            passed = passage(path) if self._since else None
            if passed is not None and self._passes(passed):
                chain = self._passed(passed, origin, chain, path)
            else:
                data = path.read_bytes()
                chain = self._segment(origin, chain, path, data, last=path == files[-1], least=least)
            if chain is None:
                return None
        return chain

    def _passes(self, passed: Passage) -> bool:
        """Tell whether a segment need not be read: it ends before `since`, and no head stands in the midst of it."""
        first, end = passed.header.first, passed.end
        return end <= self._since and not any(first < head.size < end for head in set(self._heads) - self._met)

    def _passed(self, passed: Passage, origin: str, chain: Chain | None, path: Path) -> Chain | None:
        """Go on behind a segment by its footer; the signed root tells whether that is true."""
        header, footer = passed.header, passed.footer
        chain = self._entered(origin, chain, path, header)
        if chain is None:
            return None
        chain.tree.add_subtree(header.span, footer.root)
        chain.prev, chain.digest, chain.ts, chain.epoch = passed.prev, footer.digest, footer.last_ts, header.epoch
        self._records.skip(footer.last_ts)
        self._unread += header.records
        return chain

    def _entered(self, origin: str, chain: Chain | None, path: Path, header: Header) -> Chain | None:
        """Return the state at the beginning of a segment, or None where the segment does not follow on it."""
        if chain is None:
            chain = Chain.begin(origin, header.nonce, header.span)
        chain.span = header.span
        if not chain.continued_by(header):
            return self._unreadable(chain, path, "segment_missing" if header.first > chain.size else "header_link")
        self._meet_heads(chain, path)
        chain.tree.prune(chain.size)
        return chain

    def _judge_retired(self) -> None:
        """Name what was retired and by which record; without one it was taken away, where every record was read."""
        signed = max((head.size for head in self._heads), default=0)
        for found in self._retired.unexplained(signed):
            if self._unread:
                self._notice("not_checked", found.first, found.path)
            else:
                self._fault("retired_unrecorded", found.first, found.path, count=found.records)
        self._report.retired = self._retired.explained(signed)
        for each in self._report.retired:
            self._notice("retired", each.by, kept_path(self._layout, each.first), count=each.records)

    def _segment(
        self, origin: str, chain: Chain | None, path: Path, data: bytes, *, last: bool, least: int
    ) -> Chain | None:
        """Check one segment; return the state behind it, or None where nothing after it can be checked."""
        try:
            kept = Kept.decode(data) if path.suffix == KEPT else None
            header = Header.decode(data)
        except SegmentFormError:
            return self._unreadable(chain, path, "kept" if path.suffix == KEPT else "header")
        chain = self._entered(origin, chain, path, header)
        if chain is None:
            return None
        if kept is not None:
            return self._take_kept(kept, chain, path, data)
        walk = Walk(data, header, chain, entries=self._level >= RECORDS or self._retired.asks)
        first_ts = 0
        for group in walk:
            self._report.records += len(group.leaves)
            if self._progress:
                self._progress(self._report.records, least)
            self._meet_heads(chain, path)
            self._retired.note(group.entries)
            if self._level >= RECORDS:
                for found in self._records.group(group):
                    self._broken(found, path)
                if group.first == header.first:
                    first_ts = self._records.first_ts
        if walk.footer and self._level >= RECORDS and walk.footer.first_ts != first_ts:
            self._fault("footer", header.first, path, len(data))
        if last:
            self._end(walk, chain, path, data, least)
            return chain
        return self._next(walk, header, chain, path, data)

    def _take_kept(self, kept: Kept, chain: Chain, path: Path, data: bytes) -> Chain:
        """Take a retired segment by its hashes; who retired it is asked of the records behind it."""
        before = chain.size
        chain.retired(kept.header, kept.footer, kept.leaves)
        self._records.skip(kept.footer.last_ts)
        self._retired.take(kept, path, data)
        for head in self._heads:
            if before < head.size <= chain.size and head not in self._met:
                self._met.add(head)
                if head.root != chain.tree.root(head.size):
                    self._fault("head_root", head.size, path)
        return chain

    def _end(self, walk: Walk, chain: Chain, path: Path, data: bytes, least: int) -> None:
        """Judge what follows the last whole group of the log."""
        if chain.size < least:
            if walk.broken:
                self._broken(walk.broken, path)
            return
        at = first_not_zero(data, walk.end)
        if self._report.clean and walk.full and not walk.footer:
            self._fault("footer", chain.size, path, walk.end)
        elif self._report.clean and at is not None:
            self._fault("tail_not_zero", chain.size, path, at)
        elif at is not None:
            self._notice("torn_tail", chain.size, path, walk.end, count=commits_after(data, walk.end, chain.size))

    def _next(self, walk: Walk, header: Header, chain: Chain, path: Path, data: bytes) -> Chain | None:
        """Go on behind a segment that is not the last; a broken one is passed over by its footer, if that is whole."""
        if walk.footer and not walk.broken:
            return chain
        self._broken(walk.broken or Break("footer", chain.size, walk.end), path)
        footer = last_footer(data, header)
        following = path.with_name(f"{header.first + header.records:020d}.seg")
        if footer is None or not following.exists():
            return self._unreadable(chain, path, "")
        with following.open("rb") as file:
            raw = file.read(HEADER_BYTES)
        chain.tree.truncate(header.first)
        chain.tree.add_subtree(header.span, footer.root)
        # The leaf before the next segment is what its own header says; the signed root tells whether that is true.
        chain.prev, chain.digest, chain.ts = raw[96:128], footer.digest, footer.last_ts
        self._records.skip(footer.last_ts)
        return chain

    # Level 4.

    def _check_blobs(self) -> None:
        """Check the blobs that records name; where the records themselves are in doubt there is nothing to go by."""
        if not self._report.ok:
            self._notice("not_checked")
            return
        self._report.levels.append(LEVELS[BLOBS])
        counted = self._report.blobs = BlobReport()
        naming = naming_blobs(self._layout.directory)
        for found in check_blobs(naming, BlobStore(self._layout.directory), counted):
            self._fault(found.kind, found.seq, found.file)

    def _meet_heads(self, chain: Chain, path: Path) -> None:
        for head in self._heads:
            if head.size == chain.size and head not in self._met:
                self._met.add(head)
                if head.root != chain.tree.root():
                    self._fault("head_root", head.size, path)

    def _unreadable(self, chain: Chain | None, path: Path, kind: str) -> Chain | None:
        size = chain.size if chain else 0
        if kind:
            self._fault(kind, size, path)
        self._notice("not_checked", size, path)
        return None

    def _broken(self, found: Break, path: Path) -> None:
        kind = "truncated" if found.kind == "group_unfinished" else found.kind
        self._fault(kind, found.seq, path, found.offset)

    def _fault(self, kind: str, seq: int = 0, file: Path | None = None, offset: int = 0, count: int = 0) -> None:
        self._report.faults.append(Fault(kind, seq, self._file(file), offset, count))

    def _notice(self, kind: str, seq: int = 0, file: Path | None = None, offset: int = 0, count: int = 0) -> None:
        self._report.notices.append(Fault(kind, seq, self._file(file), offset, count))

    def _file(self, path: Path | None) -> str:
        return self._layout.relative(path) if path else ""
