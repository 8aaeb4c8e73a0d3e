"""Looking up a person of a case over all events: decided by the one decision function, recorded, and then answered.

Whoever asks must be bound to a case (the alert's) and name the purpose of their duty. An event is found only where they
may read the very field that names the person looked up; that somebody stands elsewhere is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.catalogue import Contracts
from schemas.clock import Clock
from security.audit.acts import Act
from security.policy.guards import CASE_BOUND, IN_SCOPE, guards_of
from security.policy.table import Decision
from services.desk import rendering
from services.desk.decisions import Table, decide, detail_decision
from services.desk.errors import LookUpError
from services.desk.opening import Openings
from services.desk.people import Person
from services.desk.trail import Trail
from streams.projections.read_model import MAX_EVENTS, ReadModel
from streams.projections.values import AlertRow, CaseEventRow

LOOKED_UP: Act = "person.lookup"
PERSON_LABEL = "audit-person"
PERSON_KEY = 33
"""Bytes of a person key: one for the suite, a digest."""
MAX_SCANNED = 20_000
"""Events that one look-up reads, newest first: those of the case, and those in the asker's scope."""


@dataclass(frozen=True)
class Sought:
    """Who is looked up: a person key, or whoever stands in a field of one of the case's events; and what for."""

    purpose: str
    key: str = ""
    event: str = ""
    field: str = ""


@dataclass(frozen=True)
class LookUps:
    """Takes look-ups; `openings` opens, `trail` records."""

    read_model: ReadModel
    contracts: Contracts
    openings: Openings
    trail: Trail
    clock: Clock

    def take(self, person: Person, table: Table, row: AlertRow, guards: int, sought: Sought) -> dict[str, Any]:
        """Look a person up for a case; the answer's act is durable when this returns.

        Raises:
            LookUpError: no duty to the case, another purpose than the registered one, or nobody named; recorded.
        """
        reason = self._refusal(person, table, guards, sought)
        subject = self.openings.detail(row).subject
        case = self.openings.case_digest(subject)
        key = b"" if reason else self.key_in_case(table, subject, guards, sought)
        if not key:
            refusal = LookUpError(reason=reason or "nobody")
            self.trail.note(
                person, LOOKED_UP, row.id, out="deny", case=case, why=f"{refusal.code}.{reason or 'nobody'}"
            )
            raise refusal
        rows = self.read_model.within(person.principal.districts, subject, MAX_SCANNED)
        found = [event for each in rows if (event := self._matching(person, table, each, subject, guards, key))]
        events = found[:MAX_EVENTS]
        data = {
            "person": self.openings.sealer.keyed_digest(PERSON_LABEL, key).hex(),
            "events": [event["event_id"] for event in events],
            "fields": sorted({f"{e['type']}.{f['name']}" for e in events for f in e["fields"]}),
            "read": len(rows),
        }
        leaf = self.trail.note(person, LOOKED_UP, row.id, case=case, data=data)
        complete = len(rows) < MAX_SCANNED and len(found) <= MAX_EVENTS
        return {"events": events, "read": len(rows), "complete": complete, "leaf": leaf}

    def _refusal(self, person: Person, table: Table, guards: int, sought: Sought) -> str:
        if not detail_decision(table, guards)[0]:
            return "duty"
        return "" if sought.purpose == person.principal.purpose else "purpose"

    def standing(self, table: Table, subject: str, guards: int) -> list[dict[str, Any]]:
        """Say where persons stand in a case's events that the asker may read: event, field, their names; no key."""
        found, seen = [], set[bytes]()
        for row in self.read_model.timeline(subject):
            contract = self.contracts.by_id(row.contract_id)
            values = self._readable(table, row, guards)[1]
            for each in contract.fields:
                value = values.get(each.name)
                if isinstance(value, bytes) and len(value) == PERSON_KEY and value not in seen:
                    seen.add(value)
                    title, name = {"zh": contract.zh, "en": contract.en}, {"zh": each.zh, "en": each.en}
                    found.append({"event": row.event_id, "field": each.name, "title": title, "name": name})
        return found

    def key_in_case(self, table: Table, subject: str, guards: int, sought: Sought) -> bytes:
        """Return the person key that is sought; empty where the event or field is none that this person may read."""
        if sought.key:
            return bytes.fromhex(sought.key)
        for row in self.read_model.timeline(subject):
            if row.event_id == sought.event:
                value = self._readable(table, row, guards)[1].get(sought.field)
                return value if isinstance(value, bytes) else b""
        return b""

    def _matching(
        self, person: Person, table: Table, row: CaseEventRow, subject: str, guards: int, key: bytes
    ) -> dict[str, Any] | None:
        own = guards if row.subject == subject else self._guards(person, row)
        decision, values, blobs = self._readable(table, row, own)
        if not any(isinstance(value, bytes) and value == key for value in values.values()):
            return None
        shown = rendering.event(row, self.contracts.by_id(row.contract_id), decision, blobs, evidence=False)
        return shown | {"subject": row.subject}

    def _readable(
        self, table: Table, row: CaseEventRow, guards: int
    ) -> tuple[Decision, Mapping[str, Any], list[bytes | None]]:
        """Open an event and return the decision, the values this person may read, and the blobs."""
        contract = self.contracts.by_id(row.contract_id)
        flags, blobs = self.openings.opened(row)
        decision = decide(table, contract, flags, guards)
        if not decision.visible:
            return decision, {}, blobs
        values = rendering.values_of(contract, decision, blobs)
        return decision, {name: value for name, value in values.items() if name in decision.fields}, blobs

    def _guards(self, person: Person, row: CaseEventRow) -> int:
        """Return the guards of an event of another case: bound only where it is one of the person's own unit."""
        guards = guards_of(person.principal, district=row.district, unit=row.unit, now_us=self.clock.now_us())
        return guards | CASE_BOUND if guards & IN_SCOPE and row.unit in person.units else guards
