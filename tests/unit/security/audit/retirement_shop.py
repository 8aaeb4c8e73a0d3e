"""Making logs of which the oldest segments were retired."""

from __future__ import annotations

from pathlib import Path

from schemas.clock import DAY, ManualClock
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.audit.retention import RecordHold, Retention
from security.audit.retiring import Standing, Surveyed, Warrant, due, retire, survey
from tests.unit.security.audit.workshop import NOW, open_log, release

SPAN = 8
RECORDS = 1 << SPAN
POLICY = Retention(default=1)
WARRANT = Warrant(("wang", "zhao"), "policy-digest")
LATER = NOW + 400 * DAY
SAFE = Standing(1 << 50, 1 << 50)


def opened(directory: Path, now: int = LATER) -> AuditLog:
    """Open a log of segments of 256 records."""
    return open_log(directory, span=SPAN, clock=ManualClock(now))


def old_log(directory: Path, segments: int = 3, more: int = 40) -> Path:
    """Make a log of so many full segments, each with one erasure in it, and a few records of more than a year later."""
    log = open_log(directory, span=SPAN)
    for number in range(segments):
        log.append([Entry(act="erase", obj=f"k{number}", data={"kid": f"{number:032x}"})])
        log.append([release(number * RECORDS + n) for n in range(RECORDS - 1)])
    log.close()
    log = opened(directory)
    log.append([release(n) for n in range(more)])
    log.close()
    return directory


def surveyed(directory: Path, *holds: RecordHold, policy: Retention = POLICY) -> list[Surveyed]:
    """Survey a log under a policy of one year."""
    return list(survey(directory, policy, holds, {}))


def let_go(directory: Path, count: int = 2, warrant: Warrant = WARRANT, archive: Path | None = None) -> int:
    """Retire the first segments that are there; return the record that says so."""
    going = due(surveyed(directory), LATER, SAFE)[:count]
    assert len(going) == count
    with opened(directory) as log:
        return retire(log, Layout(directory), going, warrant, archive)
