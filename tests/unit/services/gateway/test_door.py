"""The door: each event ends in exactly one of four ways, and what is acknowledged is durable and audited."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.clock import DAY
from security.audit.errors import AuditPoisonedError
from security.batch import unpack
from services.gateway.dead_letters import TOPIC, Letter, original
from services.gateway.door import Request
from services.gateway.outcome import Status
from services.gateway.receipt import verify
from services.gateway.redriving import Asker
from tests.unit.services.gateway.conftest import FINES, LOW, NOW, PRISON, House, fine

RAW = "casebus.raw.traffic"
ID_NUMBER = "990103199001010011"
CASE = "(2025)演0103刑初42号"


def admitted(**changes: Any) -> dict[str, Any]:
    """Return a `prison.admitted` event."""
    data = {"ah": CASE, "person": {"id_number": ID_NUMBER}, "unit": "990100010000"}
    said = fine(1, PRISON.id, type="prison.admitted", **changes)
    said["data"] = data
    del said["subject"]
    return said


def test_an_accepted_event_is_on_the_bus_and_in_the_log(house: House) -> None:
    """One raw record, one publish entry that names the event and the digest of the sealed batch; then the answer."""
    outcome = house.door.accept(FINES, [fine()])[0]

    stored = house.bus.read(RAW, 0, 0, 10)
    batch = unpack(stored[0].value, house.sealer)
    entry = house.log.of("publish")[0]
    assert (outcome.status, len(stored), len(batch.events)) == (Status.ACCEPTED, 1, 1)
    assert entry.data["events"] == [batch.events[0].header.id.hex()] == [uuid.UUID(outcome.id).hex]
    assert stored[0].headers == (("audit", b"n1/0"),)
    assert batch.events[0].header.recorded_at == NOW


def test_the_log_is_written_before_the_bus(house: House) -> None:
    """A failing log leaves nothing on the bus: what is on the bus is in the log."""
    house.log.failure = AuditPoisonedError(reason="EIO")

    with pytest.raises(AuditPoisonedError):
        house.door.accept(FINES, [fine()])

    assert house.bus.end(RAW, 0) == 0


def test_the_gateways_clock_says_when_it_was_recorded(house: House) -> None:
    """What a publisher claims in `recordedat` does not count."""
    house.door.accept(FINES, [fine(recordedat="2000-01-01T00:00:00Z")])

    batch = unpack(house.bus.read(RAW, 0, 0, 1)[0].value, house.sealer)
    assert batch.events[0].header.recorded_at == NOW


def test_the_receipt_is_verifiable_offline(house: House) -> None:
    """It names the event, the digest of what was sent, the audit record and the time, signed."""
    body = b'{"sent": "as it was"}'

    receipt = house.door.accept(FINES, [fine()], bodies=[body])[0].receipt

    assert receipt is not None
    assert verify(receipt, house.door.public_key, body)
    assert (receipt.statement.seq, receipt.statement.at, receipt.statement.source) == (0, NOW, FINES.id)


def test_a_batch_is_packed_by_256_and_audited_by_batch(house: House) -> None:
    """600 events are three raw records and three publish entries, in order."""
    outcomes = house.door.accept(FINES, [fine(n) for n in range(600)])

    batches = [unpack(s.value, house.sealer) for s in house.bus.read(RAW, 0, 0, 10)]
    assert [len(b.events) for b in batches] == [256, 256, 88]
    assert [e.header.subject for b in batches for e in b.events] == [f"A{n}" for n in range(600)]
    assert [len(e.data["events"]) for e in house.log.of("publish")] == [256, 256, 88]
    assert [o.receipt.statement.seq for o in (outcomes[0], outcomes[300], outcomes[599]) if o.receipt] == [0, 1, 2]


def test_a_repeated_event_gets_the_same_statement(house: House) -> None:
    """Sent again, written in another order of keys: the same receipt, nothing new on the bus."""
    first = house.door.accept(FINES, [fine()])[0]
    house.clock.now += DAY
    again = dict(reversed(fine().items()))

    second = house.door.accept(FINES, [again])[0]

    assert second.status == Status.REPEATED
    assert first.receipt is not None
    assert second.receipt is not None
    assert second.receipt.statement == first.receipt.statement
    assert house.bus.end(RAW, 0) == 1


def test_repeats_of_one_call_share_one_tree_and_one_signature(house: House) -> None:
    """A batch that is sent again costs one signature; each receipt says what the first said and verifies by itself."""
    batch = [fine(number) for number in range(5)]
    first = [outcome.receipt for outcome in house.door.accept(FINES, batch)]

    again = [outcome.receipt for outcome in house.door.accept(FINES, [*batch, fine(9)])]

    told = [receipt for receipt in again if receipt is not None]
    assert [r.statement for r in told[:5]] == [r.statement for r in first if r is not None]
    assert {r.signature for r in told[:5]} == {told[0].signature} != {told[5].signature}
    assert all(verify(receipt, house.door.public_key) for receipt in told)


def test_a_repeat_is_known_after_a_restart(house: House) -> None:
    """The memory of ids is kept on the bus."""
    house.door.accept(FINES, [fine()])

    assert house.again().accept(FINES, [fine()])[0].status == Status.REPEATED


def test_a_repeat_within_one_call_is_known(house: House) -> None:
    """Twice in one batch is once on the bus."""
    outcomes = house.door.accept(FINES, [fine(), fine()])

    assert [o.status for o in outcomes] == [Status.ACCEPTED, Status.REPEATED]
    assert outcomes[0].receipt == outcomes[1].receipt
    assert len(unpack(house.bus.read(RAW, 0, 0, 1)[0].value, house.sealer).events) == 1


@pytest.mark.parametrize("together", [True, False])
def test_the_same_id_with_another_payload_is_quarantined(house: House, *, together: bool) -> None:
    """The later one becomes a dead letter: counted, audited, never dropped."""
    events = [fine(), fine(data__amount_cents=1)]

    outcomes = (
        house.door.accept(FINES, events) if together else [house.door.accept(FINES, [event])[0] for event in events]
    )

    assert [o.status for o in outcomes] == [Status.ACCEPTED, Status.QUARANTINED]
    assert outcomes[1].code == "gateway.conflict"
    assert house.log.of("quarantine")[0].why == "gateway.conflict"
    assert house.door.metrics.ended(Status.QUARANTINED, "gateway.conflict") == 1
    assert house.bus.end(TOPIC, 0) == 1


def test_two_sources_may_use_one_id(house: House) -> None:
    """An id belongs to its source."""
    other = fine(source=LOW.id)
    other["id"], other["data"] = fine()["id"], {"case_id": "A1", "amount_cents": 7}

    outcomes = house.door.accept_all([Request(FINES, [fine()]), Request(LOW, [other])])

    assert [o.status for row in outcomes for o in row] == [Status.ACCEPTED, Status.ACCEPTED]


REFUSED = [
    ({"id": "1"}, "gateway.malformed", ["$.id"]),
    ({"time": "yesterday", "district": 7}, "gateway.malformed", ["$.time", "$.district"]),
    ({"time": "soon", "data__amount_cents": "many"}, "gateway.malformed", ["$.time", "$.data.amount_cents"]),
    ({"source": "police-990101/cases"}, "gateway.other_source", ["$.source"]),
    ({"type": "traffic.fine.paid"}, "gateway.type_not_registered", ["$.type"]),
    ({"district": "980100"}, "gateway.district_not_registered", ["$.district"]),
    ({"time": "2026-03-01T00:06:00Z"}, "gateway.future", ["$.time"]),
    ({"level": 5}, "gateway.malformed", ["$.level"]),
]


@pytest.mark.parametrize(("changes", "code", "paths"), REFUSED)
def test_what_may_not_be_sent_is_refused(house: House, changes: dict[str, Any], code: str, paths: list[str]) -> None:
    """All faults at once, a tombstone in the log, nothing kept."""
    outcome = house.door.accept(FINES, [fine(**changes)])[0]

    assert (outcome.status, outcome.code, list(outcome.paths)) == (Status.REFUSED, code, paths)
    assert [(e.act, e.why, e.data["count"]) for e in house.log.entries] == [("refuse", code, 1)]
    assert house.bus.topics("casebus.") == []
    assert house.door.metrics.ended(Status.REFUSED, code) == 1


@pytest.mark.parametrize("said", [None, [], "event", 7, {}])
def test_what_is_no_event_is_refused(house: House, said: Any) -> None:
    """Any JSON gets an answer."""
    outcome = house.door.accept(FINES, [said])[0]

    assert (outcome.status, outcome.code, outcome.id) == (Status.REFUSED, "gateway.malformed", "")
    assert outcome.faults


@pytest.mark.parametrize(
    ("changes", "passes"),
    [({}, False), ({"data__officer": None}, True), ({"data__officer": None, "level": 3}, False)],
)
def test_content_above_the_ceiling_is_refused(house: House, changes: dict[str, Any], *, passes: bool) -> None:
    """A level 3 field, or a declared level 3, from a source of ceiling 2: only the id stays, in the log."""
    outcome = house.door.accept(LOW, [fine(1, LOW.id, **changes)])[0]

    assert outcome.ok is passes
    if not passes:
        assert outcome.code == "gateway.above_ceiling"
        assert [e.data["events"] for e in house.log.of("refuse")] == [[uuid.UUID(outcome.id).hex]]
        assert house.bus.topics("casebus.") == []


def test_a_flag_raises_an_event_above_the_ceiling(house: House) -> None:
    """A level that only a flag brings about counts too: nothing of it is kept, also when its data is wrong."""
    flagged = fine(1, LOW.id, data__officer="561", flags="sealed", data__amount_cents="many")

    outcome = house.door.accept(LOW, [flagged])[0]

    assert outcome.code == "gateway.above_ceiling"
    assert house.bus.topics("casebus.") == []


def test_a_clock_a_little_ahead_is_tolerated(house: House) -> None:
    """Five minutes are allowed, not one more second."""
    events = [fine(1, time="2026-03-01T00:05:00Z"), fine(2, time="2026-03-01T00:05:01Z")]

    assert [o.code for o in house.door.accept(FINES, events)] == ["", "gateway.future"]


QUARANTINED = [
    ({"data__amount_cents": "many", "data__speed": 1}, "gateway.invalid", ["$.data.amount_cents", "$.data.speed"]),
    ({"data__amount_cents": 2.5}, "gateway.invalid", ["$.data.amount_cents"]),
    ({"data__amount_cents": None}, "gateway.invalid", ["$.data.amount_cents"]),
    ({"subject": "B1"}, "gateway.invalid", ["$.subject"]),
    ({"type": "traffic.fine.burnt"}, "gateway.unknown_type", ["$.type"]),
]


@pytest.mark.parametrize(("changes", "code", "paths"), QUARANTINED)
def test_wrong_data_is_quarantined_with_all_faults(
    house: House, changes: dict[str, Any], code: str, paths: list[str]
) -> None:
    """Unknown field, wrong type, missing field, unknown event type: sealed under its label, to be looked at."""
    said = fine(**changes)

    outcome = house.door.accept(FINES, [said])[0]

    assert (outcome.status, outcome.code, list(outcome.paths)) == (Status.QUARANTINED, code, paths)
    stored = house.bus.read(TOPIC, 0, 0, 1)[0]
    letter = msgspec.msgpack.decode(stored.value, type=Letter)
    assert (outcome.letter, letter.code, letter.source) == (0, code, FINES.id)
    assert original(letter, house.sealer) == (frozenset(), said)
    assert house.log.of("quarantine")[0].obj == uuid.UUID(outcome.id).hex
    assert house.bus.end(RAW, 0) == 0


def test_a_dead_letter_shows_nothing_on_the_bus(house: House) -> None:
    """What the event says is sealed, its flags included."""
    said = fine(data__officer="canary-4711", data__speed=1, flags="investigation_open")

    house.door.accept(FINES, [said])

    stored = house.bus.read(TOPIC, 0, 0, 1)[0]
    assert b"canary" not in stored.value
    assert b"investigation" not in stored.value
    assert msgspec.msgpack.decode(stored.value, type=Letter).level == 4


def test_the_same_faulty_event_is_one_letter(house: House) -> None:
    """A publisher that retries without mending fills no topic."""
    bad = fine(data__amount_cents="many")

    letters = [house.door.accept(FINES, [bad, bad])[n].letter for n in (0, 1)] + [
        house.door.accept(FINES, [bad])[0].letter
    ]

    assert letters == [0, 0, 0]
    assert house.bus.end(TOPIC, 0) == 1
    assert house.door.metrics.ended(Status.QUARANTINED, "gateway.invalid") == 5


def test_a_publisher_sees_its_own_letters_only(house: House) -> None:
    """Code, places and next step; nothing that the event says."""
    house.door.accept(FINES, [fine(data__amount_cents="canary")])
    house.door.accept(LOW, [fine(1, LOW.id, type="traffic.fine.burnt")])

    mine = house.door.letter_desk.list(Asker(FINES))

    assert [(m["number"], m["code"], m["faults"][0]["path"]) for m in mine] == [
        (0, "gateway.invalid", "$.data.amount_cents")
    ]
    assert "canary" not in str(mine)
    assert house.door.dead_letters.count(LOW.id) == 1
    assert house.door.letter_desk.list(Asker(FINES), after=0) == []


def test_a_person_enters_as_a_key(house: House) -> None:
    """The identity number is replaced at the door; the sealed class holds the key."""
    outcome = house.door.accept(PRISON, [admitted()])[0]

    assert outcome.ok, outcome.faults
    value = house.bus.read("casebus.raw.prison", 0, 0, 1)[0].value
    contract = house.contracts.by_type("prison.admitted")
    blobs = unpack(value, house.sealer).events[0].open(range(len(contract.classes)))
    data = contract.codec.decode(b"".join(blob or b"" for blob in blobs))
    assert data["person"] == house.sealer.person_key(ID_NUMBER)
    assert ID_NUMBER.encode() not in value


def test_a_number_and_its_key_are_one_payload(house: House) -> None:
    """A retry that sends the key instead of the number is a repeat, not a conflict."""
    house.door.accept(PRISON, [admitted()])
    keyed = admitted()
    keyed["data"]["person"] = house.sealer.person_key(ID_NUMBER).hex()

    assert house.door.accept(PRISON, [keyed])[0].status == Status.REPEATED


def test_the_person_behind_an_act_is_named_in_the_log(house: House) -> None:
    """The source publishes; the person stands in the audit record, with the purpose."""
    house.door.accept(FINES.id, [fine()], actor="person-7", purpose="desk")

    entry = house.log.of("publish")[0]
    assert (entry.actor, entry.org, entry.obj, entry.purpose) == ("person-7", "roadpolice-IT", FINES.id, "desk")


def test_nothing_of_an_event_stands_in_the_log(house: House) -> None:
    """A canary in every place of accepted, refused and quarantined events is in no entry, header, key or metric."""
    canary = "canary4711"
    house.door.accept(
        FINES,
        [
            fine(1, subject=canary, data__case_id=canary, data__officer=canary),
            fine(2, data__amount_cents=canary, subject=canary),
            fine(3, time="2027-01-01T00:00:00Z", subject=canary, data__officer=canary),
            {canary: canary},
        ],
    )

    told = msgspec.json.encode(house.log.entries) + house.door.metrics.render()
    records = [r for t in house.bus.topics("casebus.") for r in house.bus.read(t, 0, 0, 9)]
    assert len(house.log.entries) == 4
    assert canary.encode() not in told
    assert not [r for r in records if canary.encode() in r.key or canary in str(r.headers)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "bad", "future", "other", "none"])), max_size=12))
def test_every_event_ends_once_and_is_counted(house: House, picks: list[tuple[int, str]]) -> None:
    """Whatever comes, in whatever order: one outcome each, counted; ids on the bus are those accepted, once."""
    door = house.door
    before = {s: sum(_counts(house, s)) for s in Status}
    changes: dict[str, dict[str, Any]] = {
        "": {},
        "bad": {"data__amount_cents": "x"},
        "future": {"time": "2099-01-01T00:00:00Z"},
        "other": {"data__amount_cents": 1},
        "none": {"id": None},
    }

    outcomes = door.accept(FINES, [fine(n, **changes[kind]) for n, kind in picks])

    assert len(outcomes) == len(picks)
    after = {s: sum(_counts(house, s)) for s in Status}
    assert {s: after[s] - before[s] for s in Status} == {s: sum(o.status == s for o in outcomes) for s in Status}
    raw = [e.header.id for r in house.bus.read(RAW, 0, 0, 999) for e in unpack(r.value, house.sealer).events]
    assert len(raw) == len(set(raw)) == after[Status.ACCEPTED]
    assert all((o.receipt is not None) == o.ok for o in outcomes)


def _counts(house: House, status: Status) -> list[float]:
    families = house.door.metrics.registry.collect()
    samples = [s for f in families for s in f.samples if s.name == "casebus_gateway_events_total"]
    return [s.value for s in samples if s.labels["outcome"] == str(status)]
