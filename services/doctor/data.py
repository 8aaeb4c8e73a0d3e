"""Checks of a node's data directory: whether it can be written, is of our layout, is private, and who has it open."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import CasebusError
from services.doctor.check import Check
from services.node.layout import DataDirectory

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def directory(root: Path) -> Iterator[Check]:
    """Check the directory; one that is not there yet is no failure."""
    data = DataDirectory(root)
    if not root.exists():
        yield Check("data", "note", {"path": root.name})
        return
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        yield Check("data", "fail", {"path": root.name, "reason": "access"})
        return
    if not data.exists:
        yield Check("data", "note", {"path": root.name})
        return
    try:
        name = data.name()
    except (CasebusError, ValueError, KeyError) as error:
        code = error.code if isinstance(error, CasebusError) else "node.json"
        yield Check("data", "fail", {"path": root.name, "reason": code})
        return
    yield Check("data", "ok", {"path": root.name, "node": name.node})
    yield private(data)
    yield lock(data)


def private(data: DataDirectory) -> Check:
    """Check that nobody else can read keys, accounts and tokens."""
    secret = [path for path in (*data.keys.glob("*"), data.people, data.tokens) if path.is_file()]
    open_to_others = sorted(path.name for path in secret if path.stat().st_mode & OTHERS)
    return Check("private", "fail" if open_to_others else "ok", {"files": ", ".join(open_to_others)})


def lock(data: DataDirectory) -> Check:
    """Tell who has the directory open, without taking it."""
    path = data.root / "lock"
    if not path.exists():
        return Check("lock", "ok", {"pid": 0})
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, 32, 0).decode(errors="replace").strip()
        return Check("lock", "note", {"pid": int(pid) if pid.isdigit() else 0})
    finally:
        os.close(handle)
    return Check("lock", "ok", {"pid": 0})
