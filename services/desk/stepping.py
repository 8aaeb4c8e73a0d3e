"""One step of a clue: read, check, audit, write; of two who press at once exactly one goes through."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from schemas.clock import Clock
from security.keys.port import KekName
from services.desk.people import Person
from services.desk.trail import PARTITION, Trail
from streams import clues
from streams.bus.port import Bus, Record
from streams.clues import Clue, Step

NOTE_LABEL = b"casebus-clue-note-v1\0"


class NoteSealer(Protocol):
    """The sealer, as far as notes need it."""

    def seal(self, kek: KekName, ad: bytes, clear: bytes) -> bytes:
        """Seal a note."""
        ...


@dataclass(frozen=True)
class Stepping:
    """Takes steps on clues; the lock is the desk's, so that one order of steps is everybody's."""

    bus: Bus
    sealer: NoteSealer
    trail: Trail
    clock: Clock
    kek: KekName
    lock: threading.Lock

    def clue(self, alert_id: str) -> Clue:
        """Return where a clue stands now: the bus's store, not the read model, which may be a moment behind."""
        raw = self.bus.get(clues.STORE, alert_id.encode())
        return clues.decode_clue(raw) if raw else Clue(alert_id=alert_id)

    def take(self, person: Person, alert_id: str, step: Step, note: str, case: str) -> Clue:
        """Take a step: the audit entry is durable before the state changes; a refused step changes nothing.

        Raises:
            RefusedError, DeniedError: the coded errors of `streams.clues.take`.
        """
        with self.lock, self.bus.transaction() as transaction:
            raw = transaction.get(clues.STORE, alert_id.encode())
            after = clues.take(clues.decode_clue(raw) if raw else Clue(alert_id=alert_id), step)
            data = {
                "step": step.act.value,
                "version": after.version,
                "state": after.state.value,
                "assignee": after.assignee or "",
            }
            leaf = self.trail.note(
                person,
                "clue",
                alert_id,
                case=case,
                why=step.reason or "",
                data=data,
                within=transaction,
            )
            sealed = self.sealer.seal(self.kek, note_ad(alert_id, after.version), note.encode()) if note else None
            record = clues.record(
                after, step, organisation=person.organisation, note=sealed, at=self.clock.now_us(), leaf=leaf
            )
            transaction.put(clues.STORE, alert_id.encode(), clues.encode_clue(after))
            stored = Record(key=bytes.fromhex(alert_id), value=clues.encode_record(record))
            transaction.append(clues.TOPIC, PARTITION, [stored])
        return after


def note_ad(alert_id: str, version: int) -> bytes:
    """Return the associated data that binds a note to its step."""
    return NOTE_LABEL + f"{alert_id}/{version}".encode()
