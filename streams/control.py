"""`casebus.control`: signed records with a dense epoch, and the snapshot they add up to.

A change is audited first; the record names the audit leaf and its approvers; then it is signed and appended. Whoever
follows the topic verifies every record and swaps its snapshot whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from security import control
from security.audit.port import Log
from security.audit.record import Entry
from security.control import Snapshot
from security.keys.port import Signer
from streams.bus.port import Bus, Record

TOPIC = "casebus.control"
PARTITION = 0
PAGE = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """One change that somebody wants: `body` None takes the key away."""

    kind: str
    key: str
    body: Mapping[str, Any] | None


class ControlLog:
    """Reads and writes the control topic; one writer."""

    def __init__(self, bus: Bus, audit: Log, signer: Signer) -> None:
        self._bus = bus
        self._audit = audit
        self._signer = signer
        self._next = 0
        self.snapshot = Snapshot()
        self.follow()

    @property
    def epoch(self) -> int:
        """The newest epoch."""
        return self.snapshot.epoch

    def follow(self) -> None:
        """Verify and apply what was appended since; raises the coded error of a record that does not fit."""
        while stored := self._bus.read(TOPIC, PARTITION, self._next, PAGE):
            records = [control.decode(each.value) for each in stored]
            self.snapshot = self.snapshot.apply_all(records, self._signer.public_key)
            self._next = stored[-1].offset + 1

    def change(self, wanted: Iterable[Wanted], approvers: Sequence[str]) -> int:
        """Make the changes that are not so already; return how many epochs that took."""
        changes = [each for each in wanted if self._differs(each)]
        if not changes:
            return 0
        first_epoch = self.epoch + 1
        entries = [entry(each, first_epoch + n, approvers) for n, each in enumerate(changes)]
        leaf = self._audit.append(entries).first
        records = [
            control.sign(
                self._signer,
                epoch=first_epoch + n,
                kind=each.kind,
                key=each.key,
                body=each.body,
                approvers=approvers,
                audit_seq=leaf + n,
            )
            for n, each in enumerate(changes)
        ]
        rows = [Record(f"{r.kind}/{r.key}".encode(), control.encode(r)) for r in records]
        self._bus.append(TOPIC, PARTITION, rows)
        self.follow()
        return len(changes)

    def _differs(self, wanted: Wanted) -> bool:
        held = self.snapshot.records.get((wanted.kind, wanted.key))
        if held is None:
            return wanted.body is not None
        return wanted.body is None or held.body != msgspec.json.encode(wanted.body, order="deterministic")


def entry(wanted: Wanted, epoch: int, approvers: Sequence[str]) -> Entry:
    """Make the audit record of a change."""
    return Entry(
        act="control",
        actor=approvers[0],
        obj=f"{wanted.kind}/{wanted.key}",
        ctl=epoch,
        msg=body_digest(wanted),
        data={"approvers": list(approvers), "removed": wanted.body is None},
    )


def body_digest(wanted: Wanted) -> str:
    """Return the SHA-256 of the body as it will be signed, hex: the log proves what the change said."""
    body = b"" if wanted.body is None else msgspec.json.encode(wanted.body, order="deterministic")
    return hashlib.sha256(body).hexdigest()
