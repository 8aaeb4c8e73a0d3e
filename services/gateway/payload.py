"""What an event says, apart from how it was written and when it was taken."""

from __future__ import annotations

from schemas.event import Event
from security.batch import Prepared
from security.sealing import Sealer
from services.gateway.memory import PAYLOAD_LENGTH


def payload_digest(prepared: Prepared, sealer: Sealer) -> bytes:
    """Return the keyed digest of what an event says: the same for the same content, however it is written in JSON."""
    event = prepared.event
    said = b"\0".join(
        (
            event.type.encode(),
            event.sequence.encode(),
            event.subject.encode(),
            event.district.encode(),
            event.occurred_at.to_bytes(8, "big", signed=True),
            event.supersedes or b"",
            ",".join(sorted(event.flags)).encode() if event.flags else b"",
            *prepared.blobs,
        )
    )
    return sealer.keyed_digest("gateway-payload", said)[:PAYLOAD_LENGTH]


def recorded(prepared: Prepared, now: int) -> Prepared:
    """Set the time of recording: the gateway's clock, whatever the publisher wrote."""
    event = prepared.event
    recorded = Event(
        event.id,
        event.type,
        event.source,
        event.sequence,
        event.subject,
        event.occurred_at,
        event.district,
        event.data,
        event.flags,
        event.supersedes,
        now,
    )
    return Prepared(recorded, prepared.contract, prepared.blobs)
