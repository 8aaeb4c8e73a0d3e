"""Opening what is sealed, for one person: decide, open, audit, and only then render."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from schemas.catalogue import Contracts
from security.audit.acts import Act
from services.desk import alert_page, rendering
from services.desk.decisions import Table, decide, detail_decision
from services.desk.people import Person
from services.desk.trail import Trail
from streams import alerts, panorama
from streams.alerts import Detail
from streams.projections.read_model import ReadModel
from streams.projections.values import AlertRow, CaseEventRow

OPENED: Act = "open"
CASE_LABEL = "case"
PERSON = "person"


class Opener(Protocol):
    """The sealer, as far as the desk needs it."""

    def open(self, blob: bytes, ad: bytes) -> bytes:
        """Open a sealed blob."""
        ...

    def keyed_digest(self, label: str, data: bytes) -> bytes:
        """Digest a value so that only holders of the key can compare it."""
        ...


@dataclass(frozen=True)
class Openings:
    """Opens details and events of cases."""

    read_model: ReadModel
    contracts: Contracts
    sealer: Opener
    trail: Trail

    def detail(self, row: AlertRow) -> Detail:
        """Open an alert's detail inside the node; nothing of it leaves without a decision and an audit entry."""
        return alerts.decode_detail(self.sealer.open(row.detail, alerts.alert_ad(row.id)))

    def person_key(self, detail: Detail) -> str:
        """Return the person key of the triggering events, hex, for a publication about the same person; never shown."""
        evidence = set(detail.evidence)
        for row in self.read_model.timeline(detail.subject):
            contract = self.contracts.by_id(row.contract_id)
            fields = [f for f in contract.fields if f.name == PERSON]
            if row.event_id in evidence and fields:
                _, blobs = self.opened(row)
                blob = blobs[contract.class_of[PERSON]]
                if blob is not None:
                    return bytes(contract.codec.decode_class(contract.class_of[PERSON], blob)[PERSON]).hex()
        return ""

    def case_digest(self, subject: str) -> str:
        """Return the keyed digest under which the audit log knows a case, hex."""
        return self.sealer.keyed_digest(CASE_LABEL, subject.encode()).hex()

    def for_person(self, person: Person, table: Table, row: AlertRow, guards: int) -> dict[str, Any]:
        """Render an alert's detail and its case's events for a person, or why they are hidden.

        The opening is durable in the audit log when this returns; where nothing may be opened, nothing is.
        """
        may, why = detail_decision(table, guards)
        if not may:
            return {"detail": None, "hidden": alert_page.hidden_detail(why)}
        detail = self.detail(row)
        events = self._events(table, detail, guards)
        fields = sorted({f"{e['type']}.{f['name']}" for e in events for f in e["fields"]})
        self.trail.note(
            person,
            OPENED,
            row.id,
            case=self.case_digest(detail.subject),
            data={"events": [e["event_id"] for e in events], "fields": fields},
        )
        return {"detail": alert_page.open_detail(detail, events, self._titles()), "hidden": []}

    def _events(self, table: Table, detail: Detail, guards: int) -> list[dict[str, Any]]:
        evidence = set(detail.evidence)
        rendered = (
            self._event(table, row, guards, evidence=row.event_id in evidence)
            for row in self.read_model.timeline(detail.subject)
        )
        return [event for event in rendered if event is not None]

    def _event(self, table: Table, row: CaseEventRow, guards: int, *, evidence: bool) -> dict[str, Any] | None:
        contract = self.contracts.by_id(row.contract_id)
        flags, blobs = self.opened(row)
        decision = decide(table, contract, flags, guards)
        if not decision.visible:
            return None
        return rendering.event(row, contract, decision, blobs, evidence=evidence)

    def _titles(self) -> dict[str, dict[str, str]]:
        return {contract.type: {"zh": contract.zh, "en": contract.en} for contract in self.contracts.all()}

    def opened(self, row: CaseEventRow) -> tuple[frozenset[str], list[bytes | None]]:
        """Open an event inside the node: its flags and class blobs."""
        ad = panorama.panorama_ad(bytes.fromhex(row.event_id))
        return panorama.decode_detail(self.sealer.open(row.detail, ad))
