"""Making small logs for tests, and taking them apart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.clock import ManualClock
from security.audit.checkpoint import VerifierKey
from security.audit.frame import frame, read_frame
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.audit.segment import HEADER_BYTES
from security.keys.signing import Ed25519Signer

ORIGIN = "casebus.test/990100/audit/n1"
SIGNER = Ed25519Signer(bytes(range(32)))
KEY = VerifierKey(ORIGIN, SIGNER.public_key)
SPAN = 4
STEP = 4_096
NOW = 1_700_000_000_000_000


def open_log(directory: Path, **options: Any) -> AuditLog:
    """Open a log with segments of 16 records, heads only when asked, and a clock that stands still."""
    chosen: dict[str, Any] = {"span": SPAN, "step": STEP, "checkpoint_every": 0, **options}
    clock = chosen.pop("clock", ManualClock(NOW))
    return AuditLog.open(directory, ORIGIN, "n1", chosen.pop("signer", SIGNER), clock, **chosen)


def release(number: int, **data: Any) -> Entry:
    """Return a small release manifest."""
    return Entry(
        act="release",
        obj=f"m{number}",
        topic="casebus.raw.police",
        part=number % 2,
        off=number,
        data={"events": [f"{number:032x}"], "sub": f"s{number % 3}", **data},
    )


def filled(directory: Path, groups: Sequence[int] = (3, 1, 7, 9), **options: Any) -> Path:
    """Make a cleanly stopped log with groups of these sizes."""
    log = open_log(directory, **options)
    number = 0
    for size in groups:
        log.append([release(number + n) for n in range(size)])
        number += size
    log.close()
    return directory


def abandon(log: AuditLog) -> None:
    """Let go of a log as a killed process does: nothing is written, signed or marked."""
    log._pipeline.file.close()
    os.close(log._lock_file)
    log._closed = True


def segments(directory: Path) -> list[Path]:
    """Return the segment files in order."""
    return sorted((directory / "segments").glob("*.seg"))


def copy_of(directory: Path, target: Path) -> Path:
    """Copy a log together with its signer's own head."""
    shutil.copytree(directory, target)
    shutil.copytree(directory.with_name(directory.name + "-signer"), target.with_name(target.name + "-signer"))
    return target


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return the frames of a segment as (offset, payload)."""
    found, at = [], HEADER_BYTES
    while (one := read_frame(data, at)) is not None and one.fits:
        found.append((at, one.payload))
        at = one.end
    return found


def rebuilt(data: bytes, payloads: Sequence[bytes]) -> bytes:
    """Return a segment with the header of `data` and other frames, each with a checksum that fits, zeros behind."""
    body = data[:HEADER_BYTES] + b"".join(frame(payload) for payload in payloads)
    return body + bytes(max(len(data) - len(body), 0))
