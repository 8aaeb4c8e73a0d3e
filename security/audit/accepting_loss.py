"""Going on after records were lost for good: two persons decide it, and the log says so at every number that was lost.

No number is given twice. Each number that the log must have, by its signer's head, its checker's and the bus's
citations, and has no more, gets a record `loss`; the first says who approved it and which head was signed over what is
gone. Those heads are kept in `quarantine/`: with the new records they are a fork, and a witness that cosigned one will
say so. That is as it should be: nobody but the witnesses' own agencies can accept it for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from schemas.clock import Clock
from schemas.errors import UsageError
from security.approval import persons
from security.audit.checker import checked_head
from security.audit.checkpoint import Checkpoint, Signer, VerifierKey, opened, signed
from security.audit.errors import NoteError
from security.audit.files import remove_durably, sync_directory, write_durably, write_new
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.audit.recovery import examine
from security.audit.tree import EMPTY_ROOT

APPROVERS = 2
BATCH = 1_024


class ApprovalsError(UsageError):
    """Accepting a loss takes two persons."""

    code = "audit.two_approvals"


class NothingLostError(UsageError):
    """The log has everything that it must have."""

    code = "audit.nothing_lost"


@dataclass(frozen=True, slots=True)
class Loss:
    """What was lost: the numbers from `first` up to, not including, `until`."""

    first: int
    until: int


def accept_loss(
    directory: Path,
    origin: str,
    node: str,
    signer: Signer,
    clock: Clock,
    floor: int,
    approvers: Sequence[str],
) -> Loss:
    """Go on with a log that ends whole below what it must have; the node is stopped.

    Raises:
        ApprovalsError: fewer than two different persons approved. NothingLostError: nothing is missing.
        AuditTamperedError: the log is broken, not short: that is never accepted.
    """
    named = persons(approvers)
    if len(named) < APPROVERS:
        raise ApprovalsError(have=len(named), need=APPROVERS)
    layout = Layout(directory)
    key = VerifierKey(origin, signer.public_key)
    found = examine(layout, origin, ())
    have = found.chain.size if found else 0
    heads = _heads(layout, key)
    until = max([floor, *(head.size for head in heads)])
    if until <= have:
        raise NothingLostError(have=have)
    if found:
        examine(layout, origin, [head for head in heads if head.size <= have])
    newest = max(heads, key=lambda head: head.size, default=None)
    _set_aside(layout, have)
    if not layout.checkpoint.exists():
        write_durably(layout.checkpoint, signed(Checkpoint(origin, 0, EMPTY_ROOT), signer).encode())
    with AuditLog.open(directory, origin, node, signer, clock, checkpoint_every=0) as log:
        lost = {"first": have, "until": until, "approvers": named, "root": newest.root.hex() if newest else ""}
        log.append([Entry(act="loss", obj="first", data=dict(lost))])
        while log.size < until:
            log.append([Entry(act="loss", obj="number")] * min(until - log.size, BATCH))
    return Loss(have, until)


def _heads(layout: Layout, key: VerifierKey) -> list[Checkpoint]:
    """Return every head that was kept for this log, as far as its signature holds."""
    found = [head] if (head := checked_head(layout)) else []
    for path in (layout.checkpoint, layout.signer_head):
        try:
            found.append(opened(path.read_text(encoding="utf-8"), key))
        except (FileNotFoundError, NoteError, UnicodeDecodeError):
            continue
    return found


def _set_aside(layout: Layout, have: int) -> None:
    """Keep each head that is above the log's end in quarantine, and take it out of the way."""
    layout.make()
    for path in (layout.checkpoint, layout.signer_head, layout.checker_head, layout.directory / "cosigned"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        size = int(content.split(b"\n", 2)[1])
        if size <= have:
            continue
        name = f"{size:020d}-{sha256(content).hexdigest()[:16]}.head"
        write_new(layout.quarantine / name, content)
        sync_directory(layout.quarantine)
        remove_durably(path)
