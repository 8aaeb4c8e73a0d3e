"""Which record retired what: the segments that are only hashes, and the records that say so. Sans-IO (ADR 0020)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from security.audit.kept import Kept
from security.audit.record import BODY_AT, FormError, decode

ACT = "retain"
PEOPLE = 2
"""How many different persons a retirement takes."""
_MARK = b'"act":"retain"'


Claim = tuple[int, int, str, str]
"""First record, how many, digest of the file, root: by what a record names a retired segment."""


@dataclass(frozen=True, slots=True)
class Retired:
    """A run of records that was retired: its first number, how many, and the record that says so."""

    first: int
    records: int
    by: int

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {"first": self.first, "records": self.records, "record": self.by}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A segment of which only hashes stay: its first record, how many, its file, that file's digest, its root."""

    first: int
    records: int
    path: Path
    digest: str
    root: str


class RetiredCheck:
    """Collects both sides while a log is read from its start."""

    def __init__(self) -> None:
        self._claimed: list[Claimed] = []
        self.said: dict[Claim, int] = {}

    @property
    def asks(self) -> bool:
        """Whether records must be looked at: something at the start of the log is only hashes."""
        return bool(self._claimed)

    def take(self, kept: Kept, path: Path, data: bytes) -> None:
        """Take up a file of hashes; records that stay in it may say who retired earlier ones."""
        root, digest = kept.footer.root.hex(), sha256(data).hexdigest()
        self._claimed.append(Claimed(kept.header.first, kept.header.records, path, digest, root))
        self.note([stay.entry for stay in kept.stays])

    def learn(self, said: Mapping[Claim, int]) -> None:
        """Take up what another reading of the same log found said, by which record."""
        for claim, seq in said.items():
            self.said[claim] = min(seq, self.said.get(claim, seq))

    def note(self, entries: Iterable[bytes]) -> None:
        """Take up what records say; entries that are not canonical are another check's."""
        if not self._claimed:
            return
        for entry in entries:
            if _MARK in entry:
                self._note(entry[BODY_AT:])

    def _note(self, body: bytes) -> None:
        try:
            record = decode(body)
        except FormError:
            return
        said = record.data
        approvers = said.get("approvers")
        together = isinstance(approvers, list) and len({str(name) for name in approvers}) >= PEOPLE
        if record.act == ACT and record.out == "ok" and together:
            key = (said.get("first"), said.get("records"), said.get("kept"), said.get("root"))
            self.said.setdefault(key, record.seq)  # type: ignore[arg-type] # what is no number is found by nobody

    def explained(self, signed: int) -> list[Retired]:
        """Return what was retired by a record below the head of size `signed`, in order.

        A record above the head is signed by nobody: whoever can write to the disk could have put it there.
        """
        found = ((claim, self.said.get(_key(claim))) for claim in self._claimed)
        return [Retired(c.first, c.records, by) for c, by in found if by is not None and c.first <= by < signed]

    def unexplained(self, signed: int) -> Iterator[Claimed]:
        """Yield what no record behind it accounts for: taken away, not retired."""
        known = {each.first for each in self.explained(signed)}
        yield from (claim for claim in self._claimed if claim.first not in known)


def _key(claim: Claimed) -> Claim:
    return claim.first, claim.records, claim.digest, claim.root
