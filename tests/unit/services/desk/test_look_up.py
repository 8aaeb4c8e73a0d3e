"""A person is looked up only with a duty to a case, for the registered purpose, and never off the record."""

from __future__ import annotations

from typing import Any

import pytest

from security.audit.reading import read
from security.audit.record import Entry
from services.desk.errors import LookUpError
from services.desk.look_up import PERSON_LABEL, Sought
from streams.projections.read_model import UnknownAlertError
from tests.unit.services.desk.office import (
    ALERT_ID,
    HIDDEN_SUMMARY,
    SUSPECT,
    UNIT,
    WANTED_REASON,
    Office,
    event_id,
)

BY_KEY = {"key": SUSPECT.hex()}


def look_up(office: Office, who: str, **sought: Any) -> dict[str, Any]:
    """Look the suspect up as one of the four people, for the registered purpose unless said otherwise."""
    person = office.people[who]
    purpose = sought.pop("purpose", person.principal.purpose)
    return office.desk.look_up(person, ALERT_ID, Sought(purpose, **(sought or BY_KEY)))


def acts(office: Office) -> list[Entry]:
    """Return the look-ups in the audit log."""
    office.audit.checkpoint()
    return [stored.record for stored in read(office.folder / "audit") if stored.record.act == "person.lookup"]


def test_the_unit_finds_the_events_that_name_the_person(office: Office) -> None:
    """Police of the unit see the report and the wanted notice; the sealed report does not exist for them."""
    answer = look_up(office, "police")

    assert {event["event_id"] for event in answer["events"]} == {event_id(1).hex(), event_id(3).hex()}
    assert answer["complete"]
    assert HIDDEN_SUMMARY not in str(answer)


def test_the_look_up_is_on_record_before_it_is_answered(office: Office) -> None:
    """Actor, organisation, role, purpose, case and the person's keyed digest stand in the log; no key, no value."""
    answer = look_up(office, "police")

    (act,) = acts(office)
    digest = office.sealer.keyed_digest(PERSON_LABEL, SUSPECT).hex()
    assert (act.actor, act.org, act.role) == ("police", "police-990103", "GA_LEGAL")
    assert (act.purpose, act.seq) == (office.people["police"].principal.purpose, answer["leaf"])
    assert act.case
    assert act.data["person"] == digest
    assert act.data["events"] == [event["event_id"] for event in answer["events"]]
    assert SUSPECT.hex() not in str(act)
    assert WANTED_REASON not in str(act)


def test_a_person_is_named_by_a_field_of_an_event(office: Office) -> None:
    """Nobody has to know a person key: the field of an event that one may read names the person."""
    by_field = look_up(office, "police", event=event_id(1).hex(), field="suspect")

    assert by_field["events"] == look_up(office, "police")["events"]


@pytest.mark.parametrize(
    ("who", "sought", "reason"),
    [
        ("prosecutor", BY_KEY, "duty"),
        ("police", BY_KEY | {"purpose": "curiosity"}, "purpose"),
        ("police", {"event": event_id(2).hex(), "field": "suspect"}, "nobody"),
        ("police", {"event": event_id(1).hex(), "field": "summary"}, "nobody"),
        ("police", {}, "nobody"),
    ],
    ids=["no assignment", "another purpose", "an event that is hidden", "no person", "nothing named"],
)
def test_what_is_refused_is_recorded(office: Office, who: str, sought: dict[str, str], reason: str) -> None:
    """A refusal opens nothing, and stands in the log with its reason."""
    sought = dict(sought)
    purpose = sought.pop("purpose", office.people[who].principal.purpose)

    with pytest.raises(LookUpError) as refused:
        office.desk.look_up(office.people[who], ALERT_ID, Sought(purpose, **sought))

    assert refused.value.fields == {"reason": reason}
    (act,) = acts(office)
    assert (act.out, act.why, act.data) == ("deny", f"desk.look_up.{reason}", {})


@pytest.mark.parametrize("who", ["clerk", "security"])
def test_roles_without_details_look_nobody_up(office: Office, who: str) -> None:
    """Counts and the log give no right to a person."""
    with pytest.raises((LookUpError, UnknownAlertError)):
        look_up(office, who)


def test_another_case_is_found_only_where_the_unit_is_ones_own(office: Office) -> None:
    """A case of another unit of the district names the same person: it is not told."""
    values: dict[str, Any] = {"person": SUSPECT, "wanted_level": "class_a", "reason": "x"}
    for number, unit in ((9, "990103020000"), (10, UNIT)):
        subject = f"J{unit}2025030000{number:02d}"
        office.add_event(
            number, "police.wanted.issued", values | {"ah": subject, "unit": unit}, subject=subject, unit=unit
        )
    office.settle()

    found = {event["event_id"] for event in look_up(office, "police")["events"]}

    assert event_id(10).hex() in found
    assert event_id(9).hex() not in found
