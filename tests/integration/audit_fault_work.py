"""Work over an audit log or a witness for a tracer that makes system calls fail: `python -m … log|witness|retire DIR`.

Everything is imported before `MARK` is looked for, so that the calls counted from there are the log's own. What was
acknowledged is said line by line on stdout: the log's last record with its leaf, or the size a witness signed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from schemas.clock import DAY, ManualClock
from schemas.errors import CasebusError
from security.audit.directory_replica import DirectoryReplica
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.policy import Policy
from security.audit.record import Entry
from security.audit.retention import Retention
from security.audit.retiring import Standing, Warrant, due, retire, survey
from security.keys.signing import Ed25519Signer
from services.witness.store import WitnessStore
from services.witness.witness import Witness

ORIGIN = "casebus.test/990100/audit/n1"
SIGNER = Ed25519Signer(bytes(range(32)))
WITNESS = Ed25519Signer(bytes([101] * 32))
NOW = 1_700_000_000_000_000
MARK = "/casebus-fault-mark"
CODED = 5
SPAN, STEP = 4, 4_096
RETIRED_SPAN, LATER = 8, NOW + 400 * DAY
GROUPS = (3, 9, 2, 8, 1)


def say(line: str) -> None:
    """Tell an acknowledgement, with one write."""
    os.write(1, line.encode() + b"\n")


def open_all(folder: Path, span: int = SPAN, now: int = NOW) -> tuple[AuditLog, DirectoryReplica]:
    """Open the log with replica, checker and signer, as a node does."""
    replica = DirectoryReplica(folder / "replica", ORIGIN)
    known = [replica.head] if replica.head else []
    log = AuditLog.open(
        folder / "audit",
        ORIGIN,
        "n1",
        SIGNER,
        ManualClock(now),
        span=span,
        step=STEP,
        checkpoint_every=0,
        floor=replica.size(),
        checked=True,
        known=known,
    )
    replica.belong(Layout(folder / "audit"))
    log.replicate(replica)
    return log, replica


def write_log(folder: Path, groups: tuple[int, ...] = GROUPS) -> None:
    """Append groups over two segments, with a signed head after every second one, and stop."""
    log, replica = open_all(folder)
    for number, size in enumerate(groups):
        done = log.append([Entry(act="admin", obj=f"o{number}-{n}") for n in range(size)])
        say(f"{done.last} {done.leaves[-1].hex()}")
        if number % 2:
            log.checkpoint()
    log.close()
    replica.close()


def write_old(folder: Path) -> None:
    """Write two segments and a little more; a year later the two may go."""
    log, replica = open_all(folder, RETIRED_SPAN)
    log.append([Entry(act="erase", obj="k", data={"kid": "0" * 32})])
    log.append([Entry(act="admin", obj=f"o{number}") for number in range(2 << RETIRED_SPAN)])
    log.close()
    replica.close()
    (folder / "archive").mkdir()


def retire_old(folder: Path, told: Callable[[str], None] = lambda _: None) -> None:
    """Let go of what is past its retention: log, archive and replica; tell the record that says so."""
    log, replica = open_all(folder, RETIRED_SPAN, LATER)
    layout = Layout(folder / "audit")
    going = due(survey(layout.directory, Retention(default=1), (), {}), LATER, Standing(replica.size(), log.head.size))
    if going:
        told(str(retire(log, layout, going, Warrant(("li", "wang"), "policy"), folder / "archive")))
    replica.retire(layout)
    log.close()
    replica.close()


def sign(folder: Path, logs: bytes, submissions: Sequence[bytes]) -> None:
    """Cosign submissions, in order."""
    store = WitnessStore(folder / "witness" / "witness.db")
    witness = Witness(store, Policy.parse(logs), WITNESS, "witness.test/court", ManualClock(NOW))
    for body in submissions:
        verdict, line = witness.add_checkpoint(body)
        if line and verdict.head is not None:
            say(str(verdict.head.size))
    store.close()


def work_of(what: str, folder: Path) -> Callable[[], None]:
    """Return the work; what it is given rather than does itself is read here."""
    if what == "witness":
        submissions = [path.read_bytes() for path in sorted(folder.glob("*.body"))]
        return partial(sign, folder, (folder / "logs").read_bytes(), submissions)
    return partial(write_log, folder) if what == "log" else partial(retire_old, folder, say)


def main(what: str, folder: Path) -> int:
    """Do the work; a coded error ends it, anything else is a fault of ours."""
    work = work_of(what, folder)
    Path(MARK).exists()
    try:
        work()
    except CasebusError as error:
        sys.stderr.write(f"{error.code}\n")
        return CODED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
