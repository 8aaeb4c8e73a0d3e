"""An event as the gateway takes it: recorded by its own clock."""

from __future__ import annotations

from schemas.event import Event
from security.batch import Prepared


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
