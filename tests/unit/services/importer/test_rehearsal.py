"""A dry run: what the door would say, without a node."""

from __future__ import annotations

from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from schemas.instants import parse_instant
from services.importer.mapping import Mapping
from services.importer.rehearsal import Rehearsal


def event(**data: object) -> dict[str, object]:
    """Return an event of the small mapping's source."""
    return {
        "specversion": "1.0",
        "id": "018f4e2a-0000-8000-8000-000000000001",
        "type": "traffic.fine.created",
        "source": "court-990101/trial",
        "time": "2006-07-23T22:00:00Z",
        "district": "990101",
        "data": {"case_id": "A1", "amount_cents": 3500, **data},
    }


def test_a_rehearsal_says_what_the_door_would_say(mapping: Mapping) -> None:
    """A good event, one with wrong data, one from the future."""
    rehearsal = Rehearsal(Contracts.load(), mapping, ManualClock(parse_instant("2013-01-01T00:00:00Z")))

    said = rehearsal.check([event(), event(amount_cents="x", speed=1), {**event(), "time": "2026-01-01T00:00:00Z"}])

    assert [(c.status, c.code) for c in said] == [
        ("accepted", ""),
        ("quarantined", "gateway.invalid"),
        ("refused", "gateway.future"),
    ]
    assert said[1].paths == ("$.data.amount_cents", "$.data.speed")
