"""Acts at the desk: steps of a clue that survive, conflict and are audited; the decision that the police publish."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.clock import DAY
from schemas.errors import CasebusError
from security.batch import unpack
from services.desk.errors import PublishRefusedError
from services.desk.publishing import Wish, iso
from streams.clues import ClueAct, ClueConflictError, Step, decode_record
from tests.unit.services.desk.office import ALERT_ID, NOW, OPENED, POLICE, SUBJECT, UNIT, Office, open_office

VALUES = {"ajbh": "A9901030100002025030017", "jurisdiction_basis": "place_of_crime", "charge_code": "CL264"}


def wish(kind: str = "police.case.filed", at: int = NOW, values: Mapping[str, str] = VALUES) -> Wish:
    """Make a filled-in form."""
    return Wish(kind, at, values, "request-1")


def step(act: ClueAct, version: int, **given: Any) -> Step:
    """Make a step; the desk fills in the person."""
    return Step(act, "", "", version, **given)


def test_a_clue_is_worked_to_verification(office: Office) -> None:
    """Accept, assign to self, verify; each answer is the new version."""
    prosecutor = office.people["prosecutor"]

    office.desk.step(prosecutor, ALERT_ID, step(ClueAct.ACCEPT, 0))
    office.desk.step(prosecutor, ALERT_ID, step(ClueAct.ASSIGN, 1, assignee="prosecutor"))
    after = office.desk.step(prosecutor, ALERT_ID, step(ClueAct.VERIFY, 2))

    assert after == {"state": "verifying", "version": 3, "assignee": "prosecutor"}


def test_the_page_knows_a_step_before_the_read_model_does(office: Office) -> None:
    """Where the clue stands comes from the bus's store: nobody presses twice because a projection was late."""
    prosecutor = office.people["prosecutor"]
    office.desk.step(prosecutor, ALERT_ID, step(ClueAct.ACCEPT, 0))

    page = office.desk.alert(prosecutor, ALERT_ID)

    assert (page["clue"]["version"], page["clue"]["acts"]) == (1, ["assign", "refuse"])


def test_of_two_who_press_at_once_one_goes_through(office: Office) -> None:
    """Eight threads accept the same version: one step, seven conflicts that name the first."""
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def press() -> None:
        start.wait()
        try:
            office.desk.step(office.people["prosecutor"], ALERT_ID, step(ClueAct.ACCEPT, 0))
            outcomes.append("ok")
        except ClueConflictError as error:
            outcomes.append(str(error.fields["by"]))

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["ok"] + ["prosecutor"] * 7
    assert office.bus.end("casebus.clues", 0) == 1


def test_a_step_is_audited_before_it_takes_effect(office: Office) -> None:
    """The record on the bus names the leaf; a refused step leaves no record."""
    before = office.audit.size

    office.desk.step(office.people["prosecutor"], ALERT_ID, step(ClueAct.REFUSE, 0, reason="duplicate"), "a note")
    with pytest.raises(CasebusError):
        office.desk.step(office.people["prosecutor"], ALERT_ID, step(ClueAct.ACCEPT, 1))

    (stored,) = office.bus.read("casebus.clues", 0, 0, 10)
    assert decode_record(stored.value).leaf == before
    assert office.audit.size == before + 1


def test_a_note_is_sealed(office: Office) -> None:
    """The text of a note stands in no record."""
    office.desk.step(office.people["prosecutor"], ALERT_ID, step(ClueAct.REFUSE, 0, reason="duplicate"), "canary-note")

    (stored,) = office.bus.read("casebus.clues", 0, 0, 10)

    assert b"canary-note" not in stored.value
    assert decode_record(stored.value).note


def test_a_clue_survives_a_restart(tmp_path: Path) -> None:
    """A new desk over the same files knows where the clue stands."""
    office = open_office(tmp_path)
    office.desk.step(office.people["prosecutor"], ALERT_ID, step(ClueAct.ACCEPT, 0))
    office.settle()
    raw = office.bus.get("clues", ALERT_ID.encode())
    office.close()

    again = open_office(tmp_path)

    assert again.bus.get("clues", ALERT_ID.encode()) == raw
    again.close()


def test_the_police_publish_through_the_door(office: Office) -> None:
    """The event is the organisation system's own; the person is named in the audit log."""
    answer = office.desk.publish(office.people["police"], ALERT_ID, wish())

    (stored,) = office.bus.read("casebus.raw.police", 0, 0, 10)
    (header,) = [event.header for event in unpack(stored.value, office.sealer).events]
    assert json.dumps(answer)
    assert answer["status"] == "accepted"
    assert (header.type, header.subject, header.source) == ("police.case.filed", SUBJECT, POLICE.id)
    assert header.occurred_at == NOW


def test_a_decision_may_be_dated_within_the_limit(office: Office) -> None:
    """The date is the person's to give: what it means for the alert is the engine's to say."""
    office.desk.publish(office.people["police"], ALERT_ID, wish(at=OPENED + DAY))

    (stored,) = office.bus.read("casebus.raw.police", 0, 0, 10)

    assert [event.header.occurred_at for event in unpack(stored.value, office.sealer).events] == [OPENED + DAY]


def test_sending_the_same_form_twice_is_one_event(office: Office) -> None:
    """A double click is repeated, not taken again."""
    first = office.desk.publish(office.people["police"], ALERT_ID, wish())
    second = office.desk.publish(office.people["police"], ALERT_ID, wish())

    assert (first["status"], second["status"]) == ("accepted", "repeated")


def test_an_incomplete_form_names_what_is_missing(office: Office) -> None:
    """Nothing reaches the door."""
    with pytest.raises(PublishRefusedError) as refused:
        office.desk.publish(office.people["police"], ALERT_ID, wish(values={"ajbh": VALUES["ajbh"]}))

    assert refused.value.fields["missing"] == "charge_code, jurisdiction_basis"


def test_a_field_that_is_not_asked_for_is_refused(office: Office) -> None:
    """A form cannot carry a person, another unit or another case."""
    with pytest.raises(PublishRefusedError) as refused:
        office.desk.publish(
            office.people["police"], ALERT_ID, wish(values=VALUES | {"unit": "990105010000", "suspect": "00"})
        )

    assert refused.value.fields["extra"] == "suspect, unit"


def test_a_wrong_value_is_told_before_it_is_sent(office: Office) -> None:
    """A typing mistake is no dead letter of the organisation: the contract's faults come back, nothing is published."""
    answer = office.desk.publish(office.people["police"], ALERT_ID, wish(values=VALUES | {"charge_code": "nonsense"}))

    assert answer["status"] == "refused"
    assert [fault["path"] for fault in answer["faults"]] == ["$.data.charge_code"]
    assert office.bus.topics("casebus.") == ["casebus.alerts", "casebus.view.panorama"]


def test_a_type_of_another_agency_is_refused(office: Office) -> None:
    """The police do not publish for the court."""
    with pytest.raises(CasebusError) as refused:
        office.desk.publish(office.people["police"], ALERT_ID, wish("court.judgment.effective"))

    assert refused.value.code == "desk.not_yours"


def test_a_form_asks_only_for_what_is_not_known(office: Office) -> None:
    """Case, unit and time stand already; the rest comes from the contract with its code lists."""
    forms = office.desk.alert(office.people["police"], ALERT_ID)["publish"]

    filed = next(form for form in forms if form["type"] == "police.case.filed")
    assert {field["name"]: field["kind"] for field in filed["fields"] if field["required"]} == {
        "ajbh": "text",
        "jurisdiction_basis": "choice",
        "charge_code": "choice",
    }
    assert UNIT not in str(filed["fields"])


def test_times_travel_as_rfc_3339() -> None:
    """Microseconds, in UTC, with a Z."""
    assert iso(1_741_000_000_000_001) == "2025-03-03T11:06:40.000001Z"
