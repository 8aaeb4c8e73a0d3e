"""Retiring the oldest segments of a log: which may go, and their going (ADR 0020).

The order makes a crash harmless: archive, hashes that stay, the record that says so under a signed head, and only then
the files, lowest first. Whatever was cut off is done again by the next run; before the record stands nothing is gone.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from schemas.errors import UnavailableError
from security.audit.files import sync_directory, sync_file
from security.audit.kept import STAYING, Kept, Stay, keep, remove_segments
from security.audit.layout import Layout
from security.audit.pipeline import name_of
from security.audit.port import Log
from security.audit.reading import Segment, segments_of
from security.audit.record import BODY_AT, CHUNK, Data, Entry, FormError, decode, decode_many
from security.audit.retention import FOREVER, Reckoning, RecordHold, Retention
from security.audit.sm3 import Sm3Head, Sm3MissingError
from security.audit.tree import TILE

UNREADABLE = Entry(act="tick", ts=FOREVER)
"""What stands for a record that nobody can read: it is never past its retention."""
MOST = 8
"""Segments of one retirement: the hashes of each are in memory, some 25 MB for 262,144 records."""


class ArchiveError(UnavailableError):
    """The archive does not hold what was copied to it; nothing was retired."""

    code: ClassVar[str] = "retention.archive"


class RetirementError(UnavailableError):
    """The system failed on the way; what is done stays done, and the next run does the rest."""

    code: ClassVar[str] = "retention.failed"


class SigningLog(Log, Protocol):
    """A log that signs a head over everything when it is asked to."""

    def checkpoint(self) -> str:
        """Sign a head over everything durable, and return the note."""
        ...


class Standing(NamedTuple):
    """How far the log is safe elsewhere: records that the replica has, and that a witnessed head covers."""

    replicated: int
    witnessed: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One full segment: what would stay of it, its file, when its retention ends (µs), the holds on it."""

    kept: Kept
    file: Path
    ends: int
    held: tuple[str, ...]

    @property
    def first(self) -> int:
        """The number of its first record."""
        return self.kept.header.first

    def blocked(self, now: int, standing: Standing) -> str:
        """Return why it must stay: `held`, `young`, `unreplicated`, `unwitnessed`; empty where it may go."""
        if self.held:
            return "held"
        if now < self.ends:
            return "young"
        if standing.replicated < self.kept.end:
            return "unreplicated"
        return "unwitnessed" if standing.witnessed < self.kept.end else ""


@dataclass(frozen=True, slots=True)
class Warrant:
    """By whose will segments go: two persons under a policy (its digest); who runs it, for whom, in which role."""

    approvers: tuple[str, ...]
    policy: str
    actor: str = ""
    org: str = ""
    role: str = ""


def survey(
    directory: Path, policy: Retention, holds: Sequence[RecordHold], persons: Mapping[str, str]
) -> Iterator[Surveyed]:
    """Yield the full segments of a log from its start, those that were retired already left out.

    Every byte is checked on the way.

    Raises:
        AuditMissingError, AuditTamperedError: as `reading.read` does. RetirementError: the system failed.
    """
    layout = Layout(directory)
    try:
        for segment in segments_of(directory):
            if segment.kept is None and segment.header.span >= TILE:
                found = _surveyed(layout, segment, Reckoning(policy, holds, persons))
                if found is None:
                    return
                yield found
    except OSError as error:
        raise RetirementError(reason=name_of(error)) from error


def due(surveys: Iterable[Surveyed], now: int, standing: Standing, most: int = MOST) -> list[Surveyed]:
    """Return those at the start that may go, at most so many: the first that must stay keeps all behind it."""
    free = itertools.takewhile(lambda each: not each.blocked(now, standing), surveys)
    return list(itertools.islice(free, most))


def retire(log: SigningLog, layout: Layout, going: Sequence[Surveyed], warrant: Warrant, archive: Path | None) -> int:
    """Let segments go that may go; return the number of the first record that says so.

    Raises:
        ArchiveError: the archive could not take one. Nothing is gone. RetirementError: the system failed.
    """
    for each in going:
        if archive is not None:
            _archive(each.file, archive)
    try:
        stays = {each.first: keep(layout, each.kept).hex() for each in going}
        seq = _record(log, going, stays, warrant, archived=archive is not None)
        remove_segments(layout, [each.first for each in going])
    except OSError as error:
        raise RetirementError(reason=name_of(error)) from error
    return seq


def _record(
    log: SigningLog, going: Sequence[Surveyed], stays: Mapping[int, str], warrant: Warrant, *, archived: bool
) -> int:
    """Say what goes, each segment by a record of its own, and have a head signed over it."""
    entries = [
        Entry(
            act="retain",
            obj=each.file.name,
            actor=warrant.actor,
            org=warrant.org,
            role=warrant.role,
            pol=warrant.policy,
            idem=f"retain-{each.first}",
            data=_said(each, stays[each.first], warrant, archived=archived),
        )
        for each in going
    ]
    seq = log.append(entries).first
    log.checkpoint()
    return seq


def _said(each: Surveyed, kept: str, warrant: Warrant, *, archived: bool) -> Data:
    return {
        "approvers": list(warrant.approvers),
        "archived": archived,
        "bytes": each.kept.size,
        "digest": each.kept.footer.digest.hex(),
        "ends": min(each.ends, FOREVER),
        "first": each.first,
        "kept": kept,
        "records": each.kept.header.records,
        "root": each.kept.footer.root.hex(),
    }


def _surveyed(layout: Layout, segment: Segment, reckoning: Reckoning) -> Surveyed | None:
    """Read one segment; None where it is not full: it is being written."""
    leaves: list[bytes] = []
    stays: list[Stay] = []
    second = _second_head()
    for group in segment.groups:
        for at in range(0, len(group.entries), CHUNK):
            entries = group.entries[at : at + CHUNK]
            if second:
                second.extend(entries)
            records = _decoded(entries)
            reckoning.take(records)
            stays += [
                Stay(record.seq, entries[record.seq - group.first - at]) for record in records if record.act in STAYING
            ]
        leaves += group.leaves
    footer = segment.walk.footer if segment.walk else None
    if footer is None:
        return None
    path = layout.directory / segment.name
    kept = Kept(
        segment.header, leaves, footer, tuple(stays), path.stat().st_size, second.checkpoint.root if second else b""
    )
    return Surveyed(kept, path, reckoning.ends, reckoning.held)


def _second_head() -> Sm3Head | None:
    """Return what takes the same entries under SM3; None where this machine has none."""
    try:
        return Sm3Head("")
    except Sm3MissingError:
        return None


def _decoded(entries: Sequence[bytes]) -> list[Entry]:
    """Decode entries; what this version cannot read keeps its segment, for nobody knows for how long it must stay."""
    bodies = [entry[BODY_AT:] for entry in entries]
    try:
        return decode_many(bodies) or [decode(body) for body in bodies]
    except FormError:
        return [UNREADABLE]


def _archive(path: Path, archive: Path) -> None:
    """Copy a segment, durable and read again; one that is there already is only compared."""
    target = archive / path.name
    try:
        wanted = _digest(path)
        if not target.exists():
            draft = target.with_name(target.name + ".tmp")
            shutil.copyfile(path, draft)
            draft.chmod(0o400)
            sync_file(draft)
            draft.replace(target)
            sync_directory(archive)
        same = _digest(target) == wanted
    except OSError as error:
        raise ArchiveError(reason=type(error).__name__) from None
    if not same:
        raise ArchiveError(reason="differs")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()
