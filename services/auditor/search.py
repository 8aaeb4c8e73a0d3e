"""Search whose hits are proved: what the index points at is read again from the log and checked against a signed head.

    with Searcher.open(directory, policy, index_path) as searcher:
        answer = searcher.search(Question(case=("…",)))
        answer = searcher.search(question, exhaustive=True)   # reads everything: nothing can be hidden

Records above the signed head are searched too, and marked as not signed yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Self

import msgspec

from security.audit.errors import AuditTamperedError, RecordRetiredError
from security.audit.evidence import Evidence
from security.audit.layout import Layout
from security.audit.log_tree import perfect_root
from security.audit.policy import Policy
from security.audit.record import Entry
from security.audit.runs import BLOCK_RECORDS, RUN, Records, whole_runs
from security.audit.terms import Question, matching
from security.audit.tree import TILE
from services.auditor.errors import IndexLiesError, IndexUnusableError
from services.auditor.index import AuditIndex, Span


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that answers: its number, its leaf, what it says, and whether the signed head covers it."""

    seq: int
    leaf: bytes
    record: Entry
    signed: bool

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        said: dict[str, Any] = msgspec.to_builtins(self.record)
        return {"seq": self.seq, "leaf": self.leaf.hex(), "signed": self.signed, "record": said}


@dataclass
class Answer:
    """What a search found.

    `found` counts all hits, `hits` lists them up to the limit, `scanned` counts the records that were read. `complete`:
    every record was read, so that no index had a say. `size` is that of the signed head. `retired` counts the records
    at the start of the log whose retention has ended: nobody can search them any more.
    """

    size: int
    complete: bool
    hits: list[Hit] = field(default_factory=list)
    found: int = 0
    scanned: int = 0
    retired: int = 0


class Searcher:
    """A log with its index, open for searching."""

    def __init__(self, directory: Path, evidence: Evidence, index: AuditIndex) -> None:
        self._layout = Layout(directory)
        self.evidence = evidence
        self.index = index

    @classmethod
    def open(cls, directory: Path, policy: Policy, index: Path) -> Self:
        """Open the log in `directory` and bring its index up to date; an index that does not fit is made anew.

        Raises:
            AuditMissingError: there is no log. IndexUnusableError: the index's file cannot be used at all.
            IntegrityError: no head is accepted, or the log does not have the root that it signs.
        """
        Layout(directory).require()
        found = AuditIndex(index)
        try:
            return cls(directory, _under_head(directory, policy, found), found)
        except (IndexUnusableError, AuditTamperedError, RecordRetiredError):
            # An index of another log, or a damaged one, costs only the time to make it again.
            found.clear()
        try:
            return cls(directory, _under_head(directory, policy, found), found)
        except BaseException:
            found.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.index.close()

    def search(self, question: Question, limit: int = 100, *, exhaustive: bool = False) -> Answer:
        """Answer a question; with `exhaustive` by reading every record, and compare with what the index would say.

        Raises:
            IndexLiesError: the index points at something else than the log has there, or hides a hit.
            AuditTamperedError: the log is not what was signed.
        """
        size, runs = self.evidence.head.size, self.evidence.runs
        answer = Answer(size, complete=exhaustive, retired=runs.retired << TILE)
        spans = self._spans(question)
        if exhaustive:
            self._everything(question, answer, limit, spans)
        else:
            for span in spans:
                self._add(answer, question, self._proved(span), limit)
        self._add(answer, question, runs.rest(size), limit)
        return answer

    def each(self, question: Question, *, newest: bool = False) -> Iterator[Hit]:
        """Yield the hits of a question one by one, proved as those of `search`; with `newest` the last one first.

        Nothing further is read than is asked for. Raises what `search` raises.
        """
        size, runs = self.evidence.head.size, self.evidence.runs
        spans = self._spans(question)
        rest = [runs.rest(size)]
        parts = (self._proved(span) for span in (reversed(spans) if newest else spans))
        for records in chain(rest, parts) if newest else chain(parts, rest):
            found = Answer(size, complete=False)
            self._add(found, question, records, len(records.entries))
            yield from reversed(found.hits) if newest else found.hits

    def _spans(self, question: Question) -> list[Span]:
        """Return where the index points; what was retired meanwhile cannot be looked at."""
        runs = self.evidence.runs
        gone = runs.retired << TILE
        return [s for s in self.index.candidates(question, self.evidence.head.size >> TILE) if s.seq >= gone]

    def _proved(self, span: Span) -> Records:
        """Read a run or block again and compare the root it leads to with the run's under the signed head."""
        runs, number = self.evidence.runs, span.seq >> TILE
        try:
            if span.records == RUN:
                records = runs.read(number, self.evidence.head.size)
                root = perfect_root(records.leaves)
            else:
                blocks = self.index.blocks(number)
                at = (span.seq - (number << TILE)) // BLOCK_RECORDS
                records = runs.read_block(blocks[at].place)
                roots = [block.root for block in blocks]
                roots[at] = perfect_root(records.leaves)
                root = perfect_root(roots)
        except AuditTamperedError:
            raise IndexLiesError(run=number) from None
        if root != runs.runs[number].tile:
            raise IndexLiesError(run=number)
        return records

    def _everything(self, question: Question, answer: Answer, limit: int, spans: Sequence[Span]) -> None:
        """Read the whole log from its start, without a word of the index; then look at what the index left out."""
        tiles = self.evidence.runs.runs
        pointed = {at for span in spans for at in range(span.seq, span.seq + span.records, BLOCK_RECORDS)}
        hidden = None
        for number, records in enumerate(whole_runs(self._layout, self.evidence.head.size >> TILE)):
            if perfect_root(records.leaves) != tiles[number].tile:
                raise IndexLiesError(run=number)
            found = self._add(answer, question, records, limit)
            if hidden is None and any(seq & -BLOCK_RECORDS not in pointed for seq in found):
                hidden = number
        if hidden is not None:
            raise IndexLiesError(run=hidden)

    def _add(self, answer: Answer, question: Question, records: Records, limit: int) -> list[int]:
        """Add the hits among records to the answer; return their numbers."""
        answer.scanned += len(records.entries)
        first = records.place.seq
        found = []
        for at, record in matching(records.entries, question):
            if record.seq != first + at:
                raise AuditTamperedError(kind="record_seq", seq=first + at, file="", offset=0)
            found.append(record.seq)
            answer.found += 1
            if len(answer.hits) < limit:
                signed = record.seq < self.evidence.head.size
                answer.hits.append(Hit(record.seq, records.leaves[at], record, signed))
        return found


def _under_head(directory: Path, policy: Policy, index: AuditIndex) -> Evidence:
    """Bring the index up to the newest head; its runs must have the root that was signed."""
    evidence = Evidence.open(directory, policy, index.table(directory))
    index.flush()
    return evidence
