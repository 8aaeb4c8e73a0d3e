"""Backing up a node and restoring it: a folder with a list of its files and their digests.

What must be older is copied first: heads, then the bus, then the audit log. So a copy of a running node holds a log
that reaches at least as far as every head and every citation in it; a group that was being written is a torn tail above
them, and named so at the first start. Sealed blobs are copied last: each lies there before the record that names it.
Keys go to a file of their own, sealed, or nowhere. The read model and the search index are made anew.

    FOLDER/backup.json   format, node, origin, when; each file with its SHA-256; written last
    FOLDER/data/…        the files
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, ClassVar

from schemas.clock import Clock
from schemas.errors import IntegrityError, UsageError
from security.audit.checkpoint import VerifierKey
from security.audit.errors import NoteError
from security.audit.files import write_durably
from security.audit.layout import KEPT
from security.audit.verify import verify
from services.node.layout import DataDirectory, NodeName

FORMAT = "casebus.backup/v1"
LIST = "backup.json"
FIRST = ("node.json", "epoch.json", "audit.json", "clock.json", "people.json", "tokens.json")
"""Small files: what was seen, never ahead of what is copied after them."""
HEADS = ("audit/cosigned", "audit/checkpoint", "audit-checker/head", "audit-signer/head")
LOG = ("audit/log.vkey", "audit/policy")


class NotEmptyError(UsageError):
    """A folder to write to holds something already."""

    code: ClassVar[str] = "node.not_empty"


class BackupFormError(IntegrityError):
    """A backup is not what was written: a file is missing, added or changed, or its log does not verify."""

    code: ClassVar[str] = "node.backup"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What was copied: files, bytes, records under the signed head."""

    files: int
    bytes: int
    size: int


def backup(data: DataDirectory, folder: Path, clock: Clock) -> BackedUp:
    """Copy a node, running or not, to a folder that is empty or not there.

    Raises:
        NoNodeError: there is no node. NotEmptyError: the folder holds something.
    """
    name = data.name()
    require_empty(folder)
    target = folder / "data"
    target.mkdir(parents=True, mode=0o700)
    for path in _first(data.root):
        _copy(path, target / path.relative_to(data.root))
    if data.bus.exists():
        _copy_database(data.bus, target / data.bus.name)
    for path in (*_segments(data.root), *_blobs(data.root)):
        _copy(path, target / path.relative_to(data.root))
    listed = {str(path.relative_to(target)): _digest(path) for path in sorted(target.rglob("*")) if path.is_file()}
    report = verify(target / "audit", 3, None)
    if not report.ok:
        raise BackupFormError(what=report.faults[0].kind)
    body = {"at": clock.now_us(), "files": listed, "format": FORMAT, "node": name.node, "origin": name.origin}
    write_durably(folder / LIST, json.dumps({**body, "size": report.size}, indent=1, sort_keys=True).encode() + b"\n")
    return BackedUp(len(listed), sum(path.stat().st_size for path in target.rglob("*") if path.is_file()), report.size)


def restore(folder: Path, root: Path, key: VerifierKey | None = None) -> NodeName:
    """Put a backup into a directory that is empty or not there; every file by its digest, the log by verification.

    Without `key` the log is verified with the key that came along, which proves less. What the replica has more is
    taken up at the next opening.

    Raises:
        NotEmptyError: the directory holds something. BackupFormError: the backup is not what was written.
    """
    require_empty(root)
    listed = read_list(folder)
    source = folder / "data"
    there = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    if there != set(listed["files"]):
        raise BackupFormError(what="files")
    for name, digest in listed["files"].items():
        if _digest(source / name) != digest:
            raise BackupFormError(what=name)
    try:
        report = verify(source / "audit", 3, key)
    except NoteError:
        raise BackupFormError(what="key") from None
    if not report.ok:
        raise BackupFormError(what=report.faults[0].kind)
    for name in sorted(listed["files"]):
        _copy(source / name, root / name)
    (root / "audit" / "quarantine").mkdir(mode=0o700, exist_ok=True)
    return NodeName(listed["node"], listed["origin"])


def read_list(folder: Path) -> dict[str, Any]:
    """Read a backup's list; BackupFormError where it is none."""
    try:
        body = json.loads((folder / LIST).read_text(encoding="utf-8"))
        known = body["format"] == FORMAT and all(_inside(name) for name in body["files"])
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise BackupFormError(what=LIST)
    return dict(body)


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotEmptyError(directory=folder.name)


def _inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _first(root: Path) -> Iterator[Path]:
    yield from (path for name in (*FIRST, *HEADS) if (path := root / name).is_file())


def _segments(root: Path) -> Iterator[Path]:
    yield from (path for name in LOG if (path := root / name).is_file())
    yield from sorted(path for path in (root / "audit" / "segments").iterdir() if path.suffix in {".seg", KEPT})
    yield from sorted((root / "audit" / "quarantine").glob("*.tail*"))


def _blobs(root: Path) -> list[Path]:
    """Return the sealed blobs of persons; one that is being written under another name is none yet."""
    return sorted(path for path in (root / "audit" / "blobs").glob("*/*") if path.suffix != ".tmp")


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(path, target)
    target.chmod(0o600)


def _copy_database(path: Path, target: Path) -> None:
    """Copy a database as it stands between two transactions."""
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    target.chmod(0o600)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
