"""One commit of the door over several requests: what they share, and what stays each one's own."""

from __future__ import annotations

import uuid

from security.batch import unpack
from services.gateway.door import Request
from services.gateway.outcome import Status
from services.gateway.receipt import verify
from tests.unit.services.gateway.conftest import FINES, PRISON, House, fine
from tests.unit.services.gateway.test_door import RAW, admitted


def test_requests_of_one_source_in_one_commit_are_one_raw_record(house: House) -> None:
    """Single posts that arrive together share a record and a publish entry; each has its own receipt and outcome."""
    said = [fine(1), fine(2), fine(1), fine(3, data__amount_cents="x"), fine(4)]

    rows = house.door.accept_all([Request(FINES, [each]) for each in said])

    (stored,) = house.bus.read(RAW, 0, 0, 10)
    (entry,) = house.log.of("publish")
    ids = [event.header.id.hex() for event in unpack(stored.value, house.sealer).events]
    assert entry.data["events"] == ids == [uuid.UUID(rows[n][0].id).hex for n in (0, 1, 4)]
    assert [row[0].status for row in rows] == ["accepted", "accepted", "repeated", "quarantined", "accepted"]
    receipts = [row[0].receipt for row in rows if row[0].ok]
    assert [(r.index, r.size, r.statement.seq) for r in receipts if r] == [(0, 3, 0), (1, 3, 0), (0, 3, 0), (2, 3, 0)]
    assert all(verify(r, house.door.public_key) for r in receipts if r)
    assert house.door.accept(FINES, [fine(2)])[0].status is Status.REPEATED


def test_what_others_say_or_do_for_others_stays_apart(house: House) -> None:
    """Another source, another person behind it or another purpose: a record and a publish entry of its own."""
    requests = [
        Request(FINES, [fine(1)]),
        Request(FINES, [fine(2)], actor="p1"),
        Request(PRISON, [admitted()]),
        Request(FINES, [fine(3)], purpose="repair"),
        Request(FINES, [fine(4)]),
    ]

    house.door.accept_all(requests)

    entries = house.log.of("publish")
    assert [(e.obj, e.actor, e.purpose, len(e.data["events"])) for e in entries] == [
        (FINES.id, "", "publish", 2),
        (FINES.id, "p1", "publish", 1),
        (PRISON.id, "", "publish", 1),
        (FINES.id, "", "repair", 1),
    ]
    assert house.bus.end(RAW, 0) == 3


def test_each_refused_request_has_its_own_trace(house: House) -> None:
    """What a commit shares is what it takes: refusals are counted by request, as before."""
    other = fine(1, source="someone/else")

    house.door.accept_all([Request(FINES, [other]), Request(FINES, [fine(2)]), Request(FINES, [other])])

    assert [entry.data["count"] for entry in house.log.of("refuse")] == [1, 1]
