"""The same alert in four renderings: what each may not see is nowhere in what the desk answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.errors import CasebusError
from services.desk.desk import Desk
from services.desk.opening import Openings
from services.desk.publishing import Wish
from streams.clues import ClueAct, Step
from streams.projections.read_model import UnknownAlertError
from streams.projections.values import Filter
from tests.unit.services.desk.office import (
    ALERT_ID,
    CANARIES,
    DISTRICT,
    EXPLAIN,
    HIDDEN_SUMMARY,
    SUBJECT,
    SUMMARY,
    SUSPECT,
    UNIT,
    WANTED_REASON,
    Office,
    report,
)


def text_of(answer: Any) -> str:
    """Render an answer as the wire carries it."""
    return json.dumps(answer, ensure_ascii=False)


def accept(office: Office, name: str = "prosecutor") -> None:
    """Let a person accept the clue."""
    office.desk.step(office.people[name], ALERT_ID, Step(ClueAct.ACCEPT, "", "", 0))


@pytest.mark.parametrize("name", ["prosecutor", "police", "clerk", "security"])
def test_no_board_carries_a_canary(office: Office, name: str) -> None:
    """Boards are shells, counts or log facts for everybody."""
    answer = text_of(office.desk.board(office.people[name], Filter()))

    assert not [canary for canary in CANARIES if canary in answer]


@pytest.mark.parametrize(
    ("name", "sees", "rows"), [("prosecutor", "rows", 1), ("police", "rows", 1), ("clerk", "counts", None)]
)
def test_boards_by_role(office: Office, name: str, sees: str, rows: int | None) -> None:
    """Rows for those who may see shells, counts alone for the clerk."""
    board = office.desk.board(office.people[name], Filter())

    assert board["me"]["sees"] == sees
    assert board["kpis"]["red"] == 1
    assert (len(board["rows"]) if "rows" in board else None) == rows


def test_the_clerks_board_holds_no_row_and_no_id(office: Office) -> None:
    """Counts only: not even an alert's id is there."""
    assert ALERT_ID not in text_of(office.desk.board(office.people["clerk"], Filter()))


def test_the_security_officers_board_holds_log_facts_only(office: Office) -> None:
    """Ids and states; no model, no district, no severity, no count by place."""
    board = office.desk.board(office.people["security"], Filter())

    assert board["rows"][0].keys() == {"id", "state", "recorded_at", "clue_state"}
    assert "kpis" not in board
    assert "districts" not in board


def test_the_prosecutor_sees_the_shell_before_he_accepts(office: Office) -> None:
    """The detail is closed and each part says why: the case is not his yet."""
    before = office.audit.size

    page = office.desk.alert(office.people["prosecutor"], ALERT_ID)

    assert (page["state"], page["unit"], page["detail"]) == ("raised", UNIT, None)
    assert {part["why"] for part in page["hidden"]} == {"case_not_bound"}
    assert not [canary for canary in CANARIES if canary in text_of(page)]
    assert office.audit.size == before


def test_accepting_opens_the_detail(office: Office) -> None:
    """Level 3 of the bound case is shown, level 4 and the sealed event are not."""
    accept(office)

    page = office.desk.alert(office.people["prosecutor"], ALERT_ID)

    shown = text_of(page)
    assert page["detail"]["subject"] == SUBJECT
    assert SUMMARY in shown
    assert EXPLAIN in shown
    assert HIDDEN_SUMMARY not in shown
    assert WANTED_REASON not in shown


def test_what_comes_while_a_page_is_made_makes_it_old(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is projected when the timeline has been read is on the next page: the tag asks for it."""
    police, made = office.people["police"], Openings.for_person

    def late(self: Openings, *about: Any) -> dict[str, Any]:
        detail = made(self, *about)
        office.add_event(9, "police.report.accepted", report("late"))
        office.settle()
        return detail

    with monkeypatch.context() as patch:
        patch.setattr(Openings, "for_person", late)
        page = office.desk.alert(police, ALERT_ID)

    assert page["tag"] != office.desk.tag(police, ALERT_ID)["tag"]
    assert office.desk.alert(police, ALERT_ID)["tag"] == office.desk.tag(police, ALERT_ID)["tag"]


def test_a_hidden_field_says_why(office: Office) -> None:
    """The level 4 reason needs a grant of two people; its value is not there, its name is."""
    accept(office)

    events = office.desk.alert(office.people["prosecutor"], ALERT_ID)["detail"]["timeline"]

    wanted = next(event for event in events if event["type"] == "police.wanted.issued")
    assert [(h["name"], h["why"]) for h in wanted["hidden"]] == [("reason", "grant_needed")]


def test_a_sealed_event_does_not_exist_for_the_prosecutor(office: Office) -> None:
    """Its flag hides existence: neither the event nor a count of it is shown."""
    accept(office)

    page = office.desk.alert(office.people["prosecutor"], ALERT_ID)

    assert [event["event_id"][-1] for event in page["detail"]["timeline"]] == ["1", "3"]


def test_a_person_key_is_never_shown_whole(office: Office) -> None:
    """A page shows eight digits: enough to see that two events are about one person."""
    accept(office)

    shown = text_of(office.desk.alert(office.people["prosecutor"], ALERT_ID))

    assert SUSPECT[1:].hex()[:8] in shown
    assert SUSPECT[1:].hex()[:16] not in shown


def test_the_police_see_their_own_case_with_a_form(office: Office) -> None:
    """About the own unit the detail is open; the forms are the organisation's own decisions."""
    page = office.desk.alert(office.people["police"], ALERT_ID)

    assert page["detail"]["subject"] == SUBJECT
    assert [f["type"] for f in page["publish"]] == [
        "police.case.filed",
        "police.case.filing_declined",
        "police.case.referred",
    ]
    assert page["clue"]["acts"] == []
    assert HIDDEN_SUMMARY not in text_of(page)


def test_another_unit_is_unknown_to_the_police(office: Office) -> None:
    """An alert about another unit does not exist for them; the attempt is audited."""
    other = office.add_alert(8, unit=f"{DISTRICT}010100")
    office.settle()
    before = office.audit.size

    with pytest.raises(UnknownAlertError):
        office.desk.alert(office.people["police"], other)

    assert office.audit.size == before + 1
    assert other not in text_of(office.desk.board(office.people["police"], Filter()))


def test_another_district_is_unknown_to_the_prosecutor(office: Office) -> None:
    """Rows and pages end at the district; the counts are the city's."""
    other = office.add_alert(9, district="990105", unit="990105010000")
    office.settle()

    board = office.desk.board(office.people["prosecutor"], Filter())

    assert [row["id"] for row in board["rows"]] == [ALERT_ID]
    assert board["kpis"]["red"] == 2
    with pytest.raises(UnknownAlertError):
        office.desk.alert(office.people["prosecutor"], other)


def test_asking_for_another_district_gives_no_rows(office: Office) -> None:
    """A filter cannot widen the scope."""
    office.add_alert(9, district="990105", unit="990105010000")
    office.settle()

    board = office.desk.board(office.people["prosecutor"], Filter(districts=("990105",)))

    assert board["rows"] == []
    assert board["kpis"]["red"] == 1


def test_the_clerks_page_names_every_part_and_shows_none(office: Office) -> None:
    """The alert may be known of; every part is hidden by clearance."""
    page = office.desk.alert(office.people["clerk"], ALERT_ID)

    assert {part["why"] for part in page["hidden"]} == {"clearance"}
    assert not {"state", "severity", "unit", "detail", "clue"} & set(page)
    assert not [canary for canary in CANARIES if canary in text_of(page)]


def test_the_security_officers_page_shows_who_opened_what(office: Office) -> None:
    """Openings with their leaf numbers; nothing of the alert's content."""
    accept(office)
    office.desk.alert(office.people["prosecutor"], ALERT_ID)
    office.settle()

    page = office.desk.alert(office.people["security"], ALERT_ID)

    assert [(a["act"], a["actor"]) for a in page["accesses"]] == [("open", "prosecutor"), ("clue.accept", "prosecutor")]
    assert page["accesses"][0]["leaf"] > page["accesses"][1]["leaf"]
    assert "unit" not in page
    assert not [canary for canary in CANARIES if canary in text_of(page)]


@pytest.mark.parametrize("name", ["police", "clerk", "security"])
def test_only_prosecutors_work_clues(office: Office, name: str) -> None:
    """Everybody else is refused with a code."""
    with pytest.raises(CasebusError) as refused:
        accept(office, name)

    assert refused.value.code == "clue.role"


@pytest.mark.parametrize("name", ["prosecutor", "clerk", "security"])
def test_only_the_police_publish(office: Office, name: str) -> None:
    """A person without a system of the organisation is refused."""
    if name == "prosecutor":
        accept(office)

    with pytest.raises(CasebusError) as refused:
        office.desk.publish(office.people[name], ALERT_ID, Wish("police.case.filed", 1, {}, "r" * 8))

    assert refused.value.code == "desk.not_yours"


def test_the_desk_has_one_decision_function() -> None:
    """No handler names a role: what differs between people comes from their tables."""
    import inspect  # noqa: PLC0415 - a guard on the source itself

    assert not [code for code in ("P_CASE", "GA_LEGAL", "GOV_Q", '"SEC"') if code in inspect.getsource(Desk)]
