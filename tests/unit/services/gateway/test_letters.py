"""Dead letters: explained, re-driven once, closed, each by its own publisher; and the quality report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from schemas.clock import SECOND
from security.audit.errors import AuditPoisonedError
from security.batch import unpack
from services.gateway.app import Gateway, create_app
from services.gateway.dead_letters import TOPIC
from services.gateway.outcome import Status
from services.gateway.receipt import Receipt, verify
from services.gateway.redriving import Asker, Keeper, LetterClosedError, NoLetterError, SecurityLetterError
from services.gateway.source import SourceTable
from streams.bus.port import Record
from streams.runners.releasing import DeadLetter as ReleaseLetter
from tests.unit.services.gateway.client import Client, client_of
from tests.unit.services.gateway.conftest import FINES, LOW, NOW, House, fine
from tests.unit.services.gateway.test_app import FakeTokens

RAW = "casebus.raw.traffic"
ME, OTHER, OPERATOR = Asker(FINES), Asker(LOW), Asker(None)
NARROW = replace(FINES, ceiling=4)


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """A client of the fines system; the operator's token is `operator`."""
    gateway = Gateway(house.door, FakeTokens(), house.clock, operator=lambda token: token == "operator")
    with client_of(create_app(gateway), "fines") as ready:
        yield ready


def burnt(house: House) -> int:
    """Leave a letter that a contract mends: an event of a type that nobody knows, and return its number."""
    letter = house.door.accept(FINES, [fine(data__amount_cents=None)], bodies=[b"as sent"])[0].letter
    assert letter is not None
    return letter


def mend(house: House) -> None:
    """Mend what stopped the letters, as another version of the contract would: the missing field is not asked for."""
    inspect = house.door._inspector.inspect

    def mended(said: dict[str, dict[str, int]], *rest: object) -> object:
        return inspect({**said, "data": {**said["data"], "amount_cents": 1}}, *rest)  # type: ignore[arg-type]

    house.door._inspector.inspect = mended  # type: ignore[method-assign,assignment]


def on_raw(house: House) -> list[str]:
    """Return the subjects of the events on the raw topic."""
    return [e.header.subject for r in house.bus.read(RAW, 0, 0, 99) for e in unpack(r.value, house.sealer).events]


def test_a_letter_is_explained(client: Client, house: House) -> None:
    """Why it lies here, whether it would pass now with every fault in words, what to do; nothing the event says."""
    number = house.door.accept(FINES, [fine(data__officer="canary", data__amount_cents="many")])[0].letter

    told = client.get(f"/v1/dead-letters/{number}", headers={"accept-language": "zh"}).json()

    assert (told["state"], told["code"], told["now"]["passes"]) == ("open", "gateway.invalid", False)
    fault = told["now"]["faults"][0]
    assert (fault["path"], bool(fault["zh"]), bool(fault["hint_en"])) == ("$.data.amount_cents", True, True)
    assert "更正" in told["next"]
    assert "canary" not in json.dumps(told)


def test_a_letter_that_does_not_pass_stays_open(client: Client, house: House) -> None:
    """The attempt is answered with every fault and recorded; there is still one letter."""
    number = burnt(house)

    answer = client.post(f"/v1/dead-letters/{number}/redrive").json()

    assert (answer["state"], answer["now"]["code"], house.bus.end(TOPIC, 0)) == ("open", "gateway.invalid", 1)
    entry = house.log.of("redrive")[0]
    assert (entry.out, entry.org, entry.role, entry.data["letter"]) == (
        "gateway.invalid",
        FINES.organisation,
        "publisher",
        number,
    )


def test_a_mended_letter_takes_effect_once(client: Client, house: House) -> None:
    """Published with a receipt over the bytes that were sent; asked again, and after a restart, no more is done."""
    number = burnt(house)
    mend(house)

    ready = client.get(f"/v1/dead-letters/{number}").json()
    first = client.post(f"/v1/dead-letters/{number}/redrive")
    second = client.post(f"/v1/dead-letters/{number}/redrive")
    with pytest.raises(LetterClosedError):
        house.again().letter_desk.redrive(number, ME)

    receipt = msgspec.convert(first.json()["outcome"]["receipt"], Receipt)
    assert ready["now"]["passes"]
    assert (first.json()["state"], second.status_code, second.json()["code"]) == (
        "redriven",
        409,
        "gateway.letter_closed",
    )
    assert verify(receipt, house.door.public_key, b"as sent")
    assert on_raw(house) == ["A1"]
    assert [(e.act, e.out) for e in house.log.entries[-2:]] == [("publish", "ok"), ("redrive", "ok")]


def test_killed_before_the_bus_it_is_still_open(house: House) -> None:
    """Nothing took effect; the next attempt does, once."""
    number = burnt(house)
    mend(house)
    house.log.failure = AuditPoisonedError(reason="EIO")
    with pytest.raises(AuditPoisonedError):
        house.door.letter_desk.redrive(number, ME)
    house.log.failure = None
    before = (house.door.letter_desk.list(ME)[0]["state"], house.bus.end(RAW, 0))

    after = house.door.letter_desk.redrive(number, ME)

    assert (before, after["state"], on_raw(house)) == (("open", 0), "redriven", ["A1"])


def test_a_registration_mends_too(house: House) -> None:
    """A letter is inspected by the sources of now: of one that is gone it stays, and passes when that is back."""
    number = burnt(house)
    mend(house)
    house.door.sources = SourceTable([LOW])
    gone = house.door.letter_desk.redrive(number, OPERATOR)
    house.door.sources = SourceTable([FINES])

    back = house.door.letter_desk.redrive(number, OPERATOR)

    assert (gone["now"]["code"], back["state"]) == ("gateway.source_unknown", "redriven")
    assert [e.role for e in house.log.of("redrive")] == ["operator", "operator"]


def test_an_event_sent_again_mends_its_letter(client: Client, house: House) -> None:
    """The same id, now right: the letter says so, and there is nothing left to re-drive."""
    number = burnt(house)
    client.post("/v1/events", json=fine())

    told = client.get(f"/v1/dead-letters/{number}").json()

    assert (told["state"], told["audit"]) == ("mended", house.door.receipt(FINES, fine()["id"]).statement.seq)  # type: ignore[union-attr]
    with pytest.raises(LetterClosedError):
        house.door.letter_desk.redrive(number, ME)


def test_a_letter_of_release_is_its_raw_record_again(house: House) -> None:
    """It goes back to its topic as it lay there, once; one that cannot be opened yet stays."""
    house.door.accept(FINES, [fine(1), fine(2)])
    raw = house.bus.read(RAW, 0, 0, 1)[0]
    letter = ReleaseLetter(1, "sealing.unknown_key", RAW, 0, 0, 1, b"i" * 16, FINES.id)
    torn = replace(raw, value=raw.value[:-1] + bytes([raw.value[-1] ^ 1]))
    house.bus.append(RAW, 0, [Record(torn.key, torn.value, torn.headers)])
    broken = ReleaseLetter(1, "batch.mac", RAW, 0, 1, -1, b"", "")
    house.bus.append(TOPIC, 0, [Record(b"", msgspec.msgpack.encode(each)) for each in (letter, broken)])

    good = house.door.letter_desk.redrive(0, ME)
    bad = house.door.letter_desk.redrive(1, OPERATOR)

    again = house.bus.read(RAW, 0, 2, 9)
    assert (good["state"], bad["state"], bad["now"]["passes"]) == ("redriven", "open", False)
    assert [(r.key, r.value, r.headers) for r in again] == [(raw.key, raw.value, raw.headers)]
    with pytest.raises(NoLetterError):
        house.door.letter_desk.show(1, ME)


def test_letters_of_others_do_not_exist(client: Client, house: House) -> None:
    """Not shown, not re-driven, not closed, not told apart from none; the operator sees every one."""
    number = burnt(house)
    low = {"authorization": "Bearer low"}
    answers = [
        client.get(f"/v1/dead-letters/{number}", headers=low),
        client.post(f"/v1/dead-letters/{number}/redrive", headers=low),
        client.post(f"/v1/dead-letters/{number}/close", json={"reason": "other"}, headers=low),
        client.get("/v1/dead-letters/77"),
    ]
    mine = client.get("/v1/dead-letters?source=low-990100/fines", headers=low).json()["letters"]
    all_of_them = client.get("/v1/dead-letters", headers={"authorization": "Bearer operator"}).json()
    nobody = client.get("/v1/quality", headers={"authorization": "Bearer operator"})

    assert {(a.status_code, a.json()["code"]) for a in answers} == {(404, "gateway.no_letter")}
    assert (mine, all_of_them["count"], nobody.json()["code"]) == ([], 1, "gateway.source_unknown")
    assert house.log.of("redrive") == []


def test_a_conflict_is_a_ticket_until_it_is_closed(client: Client, house: House) -> None:
    """It cannot be re-driven, for its id is taken; a reason from the list closes it, and the letter is kept."""
    house.door.accept(FINES, [fine(), fine(data__amount_cents=1)])
    ticket = client.get("/v1/quality").json()["tickets"][0]

    redriven = client.post(f"/v1/dead-letters/{ticket['number']}/redrive").json()
    wrong = client.post(f"/v1/dead-letters/{ticket['number']}/close", json={"reason": "因为"})
    closed = client.post(f"/v1/dead-letters/{ticket['number']}/close", json={"reason": "corrected"}).json()
    after = client.get("/v1/quality").json()

    assert (ticket["code"], ticket["ticket"], redriven["state"]) == ("gateway.conflict", "data-quality", "open")
    assert "supersedes" in redriven["next"]
    assert (wrong.status_code, closed["state"], closed["reason"]) == (400, "closed", "corrected")
    assert (after["open_tickets"], after["conflicts"], after["dead_letters"]["closed"]) == (0, 1, 1)
    assert house.bus.end(TOPIC, 0) == 1
    assert house.log.of("redrive")[-1].out == "closed"


def test_the_quality_report_counts(client: Client, house: House) -> None:
    """Accepted, repeated, late, refused and quarantined by code, silence, letters; the same after a restart."""
    before = client.get("/v1/quality").json()
    house.door.complete_to(FINES, NOW - SECOND)
    house.door.accept(FINES, [fine(1), fine(2), fine(1), fine(3, time="2026-02-28T23:59:59.5Z")])
    house.door.accept(FINES, [fine(4, district="980100"), fine(5, data__speed=1)])
    house.door.accept(FINES, [fine(6, time="2027-01-01T00:00:00Z")])
    house.clock.advance_to(NOW + 90 * SECOND)

    report = client.get("/v1/quality").json()
    house.door.accept(FINES, [fine(7)])
    restarted = house.again().letter_desk.quality(FINES.id)

    assert (before["accepted"], before["mark"], before["silent_seconds"]) == (0, None, None)
    assert {name: report[name] for name in ("accepted", "repeated", "late", "silent_seconds", "refused")} == {
        "accepted": 3,
        "repeated": 1,
        "late": 2,
        "silent_seconds": 90,
        "refused": {"gateway.district_not_registered": 1, "gateway.future": 1},
    }
    assert (report["quarantined"], report["dead_letters"]["open"]) == ({"gateway.invalid": 1}, 1)
    assert (restarted["accepted"], restarted["refused"]) == (4, report["refused"])


def test_a_check_keeps_nothing(client: Client, house: House) -> None:
    """Every fault of every event, conflicts and repetitions too; no topic, no record, no count."""
    house.door.accept(FINES, [fine(1)])
    entries, lines = len(house.log.entries), [fine(1), fine(1, data__amount_cents=9), fine(2), fine(3, data__speed=1)]

    answer = client.post(
        "/v1/check", content="\n".join(map(json.dumps, lines)), headers={"content-type": "application/x-ndjson"}
    ).json()

    assert (answer["passes"], [r["status"] for r in answer["results"]]) == (
        False,
        ["repeated", "quarantined", "accepted", "quarantined"],
    )
    assert answer["results"][3]["faults"][0]["path"] == "$.data.speed"
    assert (len(house.log.entries), house.bus.end(TOPIC, 0), house.bus.end(RAW, 0)) == (entries, 0, 1)
    assert house.door.metrics.ended(Status.QUARANTINED, "gateway.invalid") == 0


def test_a_check_says_what_the_door_would(house: House) -> None:
    """Each event is told the end it then has, conflicts within the memory included."""
    events = [fine(1), fine(2, data__speed=1), fine(3, district="980100"), fine(4, source=LOW.id), None, {"id": 1}]
    house.door.accept(FINES, [fine(5), fine(6)])
    events += [fine(5), fine(6, data__amount_cents=7)]

    told = house.door.check(FINES, events)
    done = house.door.accept(FINES, events)

    assert [(o.status, o.code, o.id, o.paths) for o in told] == [(o.status, o.code, o.id, o.paths) for o in done]


def keeper(serves: str, *, security: bool = False) -> Asker:
    """Return a person who keeps the letters of one source, or of all as the security officer."""
    role = "SEC" if security else "P_AM"
    return Asker(None, Keeper("li", "office", role, "quality", lambda source: security or source == serves, security))


def test_a_person_keeps_the_letters_of_the_sources_served(house: House) -> None:
    """Seen, counted, re-driven and on record under the person's name; others' letters do not exist."""
    number = burnt(house)
    mend(house)
    desk, mine, others = house.door.letter_desk, keeper(FINES.id), keeper(LOW.id)

    with pytest.raises(NoLetterError):
        desk.redrive(number, others)
    seen = (desk.count(mine, ""), desk.count(others, ""), desk.list(others))
    told = desk.redrive(number, mine)

    assert (seen, told["state"]) == ((1, 0, []), "redriven")
    (entry,) = house.log.of("redrive")
    assert (entry.actor, entry.org, entry.role, entry.purpose) == ("li", "office", "P_AM", "quality")


def test_the_trace_of_an_attack_is_closed_by_the_security_officer_alone(house: House) -> None:
    """Whoever runs the machine, or keeps quality, sees such a letter and may try it, but does not put it away."""
    house.door.accept(FINES, [fine(1)])
    letter = ReleaseLetter(1, "sealing.mac", RAW, 0, 0, -1, b"", "")
    house.bus.append(TOPIC, 0, [Record(b"", msgspec.msgpack.encode(letter))])
    desk = house.door.letter_desk

    for asker in (OPERATOR, keeper("")):
        with pytest.raises(SecurityLetterError):
            desk.close(0, asker, "other")
    closed = desk.close(0, keeper("", security=True), "other")

    assert closed["state"] == "closed"
    assert [entry.role for entry in house.log.of("redrive")] == ["SEC"]
