"""Work over an audit log or a witness for a tracer that makes system calls fail: `python -m … log|witness DIR`.

Everything is imported before `MARK` is looked for, so that the calls counted from there are the log's own. What was
acknowledged is said line by line on stdout: the log's last record with its leaf, or the size a witness signed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from schemas.clock import ManualClock
from schemas.errors import CasebusError
from security.audit.directory_replica import DirectoryReplica
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.policy import Policy
from security.audit.record import Entry
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
GROUPS = (3, 9, 2, 8, 1)


def say(line: str) -> None:
    """Tell an acknowledgement, with one write."""
    os.write(1, line.encode() + b"\n")


def open_all(folder: Path) -> tuple[AuditLog, DirectoryReplica]:
    """Open the log with replica, checker and signer, as a node does."""
    replica = DirectoryReplica(folder / "replica", ORIGIN)
    known = [replica.head] if replica.head else []
    log = AuditLog.open(
        folder / "audit",
        ORIGIN,
        "n1",
        SIGNER,
        ManualClock(NOW),
        span=SPAN,
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


def sign(folder: Path) -> None:
    """Cosign the submissions `*.body` in the folder, in order."""
    store = WitnessStore(folder / "witness" / "witness.db")
    logs = Policy.parse((folder / "logs").read_bytes())
    witness = Witness(store, logs, WITNESS, "witness.test/court", ManualClock(NOW))
    for path in sorted(folder.glob("*.body")):
        verdict, line = witness.add_checkpoint(path.read_bytes())
        if line and verdict.head is not None:
            say(str(verdict.head.size))
    store.close()


def main(what: str, folder: Path) -> int:
    """Do the work; a coded error ends it, anything else is a fault of ours."""
    Path(MARK).exists()
    try:
        (write_log if what == "log" else sign)(folder)
    except CasebusError as error:
        sys.stderr.write(f"{error.code}\n")
        return CODED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
