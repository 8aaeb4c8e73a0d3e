"""Rehearsing: what would become of an inspected event, by the ids that are known, without keeping anything."""

from __future__ import annotations

from schemas.correction import corrected
from schemas.faults import Fault
from security.batch import Prepared
from security.payload import payload_digest
from security.sealing import Sealer
from services.gateway.commit import CONFLICT, CORRECTS_OTHER, NO_VAULT, PAYLOAD
from services.gateway.identity import referring
from services.gateway.inspection import Rejected
from services.gateway.memory import Memory
from services.gateway.outcome import Outcome, Status
from services.gateway.receipt import id_text
from services.gateway.source import Source


def rehearse(result: Prepared | Rejected, publisher: Source, memory: Memory, sealer: Sealer, *, vault: bool) -> Outcome:
    """Return the outcome the event would have; `vault` tells whether the node keeps persons in clear."""
    if isinstance(result, Rejected):
        event_id = result.event.id if result.event else b""
        return Outcome(result.status, id_text(event_id), result.code, result.faults)
    event = result.event
    if result.contract.vault and not vault:
        return Outcome(Status.REFUSED, id_text(event.id), NO_VAULT, (Fault.of("$", NO_VAULT),))
    known = memory.find(publisher.id, event.id)
    if known is None:
        if event.supersedes is not None and memory.said_by_another(publisher.id, corrected(event.supersedes)):
            fault = Fault.of("$.supersedes", CORRECTS_OTHER)
            return Outcome(Status.REFUSED, id_text(event.id), CORRECTS_OTHER, (fault,))
        return Outcome(Status.ACCEPTED, id_text(event.id))
    going = referring(result, sealer.keyed_digest) if result.contract.vault else result
    if known.payload != payload_digest(sealer.keyed_digest, PAYLOAD, event, event.flags, going.blobs):
        return Outcome(Status.QUARANTINED, id_text(event.id), CONFLICT, (Fault.of("$.id", CONFLICT),))
    return Outcome(Status.REPEATED, id_text(event.id))
