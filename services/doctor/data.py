"""Checks of a node's data directory: whether it can be written, is of our layout, is private, and who has it open."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import CasebusError
from services.doctor.check import Check
from services.node.establishment import wanted_of
from services.node.layout import DataDirectory
from services.node.looking import control_state
from services.node.site import Site
from services.node.standing import beside, endings

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


def standing(root: Path, site: Site) -> Iterator[Check]:
    """Compare the sources and subscriptions in force with a site file: each that it does not name, and what ends it."""
    if not DataDirectory(root).exists:
        return
    snapshot, wanted = control_state(root), wanted_of(site)
    leaving, staying = endings(snapshot, wanted), beside(snapshot, wanted)
    for each in leaving:
        yield Check("leaving", "note", {"what": each.kind, "name": each.name})
    for each in staying:
        by = ", ".join(each.approvers)
        yield Check("standing", "note", {"what": each.kind, "name": each.name, "by": by, "command": each.command})
    if not leaving and not staying:
        yield Check("standing", "ok")
