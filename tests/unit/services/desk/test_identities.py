"""A clear name: duty, purpose, basis, two approvals, the policy; on record before it is shown, refusals too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.clock import DAY, HOUR
from schemas.errors import CasebusError
from security.audit.reading import read
from security.audit.record import Entry
from security.vault import NotInVaultError
from services.desk import errors
from services.desk.grants import LASTS
from services.desk.identities import OPENINGS_AN_HOUR, REQUESTS_AN_HOUR, Wish
from services.desk.look_up import PERSON_LABEL
from tests.unit.services.desk.office import ALERT_ID, SUBJECT, SUSPECT, Office, event_id

NUMBER, NAME = "990101198503070017", "canary-姓名"
BASIS = "CPL-54"
APPROVERS = ("prosecutor", "security")
ACTS = ("grant", "open")


@pytest.fixture(autouse=True)
def kept(office: Office) -> None:
    """The vault holds who the suspect is, told twice."""
    for name in ("11" * 16, "22" * 16):
        office.vault.keep(SUSPECT, name, json.dumps({"id_number": NUMBER, "name": NAME}).encode())


def wish(**changed: str) -> Wish:
    """The police officer's wish about the suspect of the report."""
    said = {"purpose": "duty:GA_LEGAL", "basis": BASIS, "event": event_id(1).hex(), "field": "suspect"}
    return Wish(**(said | changed))


def ask(office: Office, who: str = "police", **changed: str) -> dict[str, Any]:
    """Ask for a grant."""
    identities, case = office.desk.identities(office.people[who], ALERT_ID)
    return identities.ask(office.people[who], case, wish(**changed))


def approve(office: Office, who: str, grant: str) -> dict[str, Any]:
    """Approve one."""
    identities, case = office.desk.identities(office.people[who], ALERT_ID)
    return identities.approve(office.people[who], case, grant)


def opened(office: Office, grant: str, who: str = "police", purpose: str = "duty:GA_LEGAL") -> dict[str, Any]:
    """Open under one."""
    identities, case = office.desk.identities(office.people[who], ALERT_ID)
    return identities.open(office.people[who], case, grant, purpose)


def granted(office: Office) -> str:
    """Return a grant that two have approved."""
    grant = str(ask(office)["id"])
    for who in APPROVERS:
        approve(office, who, grant)
    return grant


def acts(office: Office) -> list[Entry]:
    """Return what the log says of grants and openings."""
    office.audit.checkpoint()
    return [stored.record for stored in read(office.folder / "audit") if stored.record.act in ACTS]


def test_two_others_approve_and_the_name_is_on_record_before_it_is_shown(office: Office) -> None:
    """Each step by whom, on which basis; the last names the fields and the person's keyed digest, and no value."""
    answer = opened(office, granted(office))

    assert answer["values"] == [{"id_number": NUMBER, "name": NAME}]
    said = acts(office)
    assert [(e.act, e.actor, e.out, e.data.get("step")) for e in said] == [
        ("grant", "police", "ok", "asked"),
        ("grant", "prosecutor", "ok", "approved"),
        ("grant", "security", "ok", "approved"),
        ("open", "police", "ok", None),
    ]
    last = said[-1]
    assert last.seq == answer["leaf"]
    assert (last.purpose, last.data["basis"], last.data["approvers"]) == ("duty:GA_LEGAL", BASIS, list(APPROVERS))
    assert last.data["fields"] == ["identity.recorded.id_number", "identity.recorded.name"]
    assert last.data["person"] == office.sealer.keyed_digest(PERSON_LABEL, SUSPECT).hex()
    assert len(last.case) == 64
    for secret in (NUMBER, NAME, SUSPECT.hex(), SUBJECT):
        assert secret not in str(said)


def test_one_approval_is_not_enough_and_nobody_approves_twice_or_their_own(office: Office) -> None:
    """Three different people; a role that approves nothing is refused; each refusal is on record."""
    grant = str(ask(office)["id"])
    with pytest.raises(errors.IdentityApproverError):
        approve(office, "police", grant)
    approve(office, "prosecutor", grant)
    for who in ("prosecutor", "clerk"):
        with pytest.raises(errors.IdentityApproverError):
            approve(office, who, grant)
    with pytest.raises(errors.IdentityGrantError):
        opened(office, grant)
    with pytest.raises(errors.IdentityApproverError):
        approve(office, "security", "0" * 16)

    refused = [(e.act, e.actor, e.why) for e in acts(office) if e.out == "deny"]
    approver = errors.IdentityApproverError.code
    assert refused == [
        ("grant", "police", approver),
        ("grant", "prosecutor", approver),
        ("grant", "clerk", approver),
        ("open", "police", errors.IdentityGrantError.code),
        ("grant", "security", approver),
    ]


@pytest.mark.parametrize(
    ("who", "changed", "error"),
    [
        ("prosecutor", {"purpose": "duty:P_CASE"}, errors.IdentityDutyError),
        ("security", {"purpose": "duty:SEC"}, errors.IdentityDutyError),
        ("police", {"purpose": "curiosity"}, errors.IdentityPurposeError),
        ("police", {"basis": "because"}, errors.IdentityBasisError),
        ("police", {"field": "summary"}, errors.IdentityDutyError),
        ("police", {"event": "0" * 32}, errors.IdentityDutyError),
    ],
)
def test_what_is_not_met_is_refused_and_recorded(
    office: Office, who: str, changed: dict[str, str], error: type[CasebusError]
) -> None:
    """No duty, another purpose, no basis, nobody there: refused with its code; what was typed is not kept."""
    with pytest.raises(error):
        ask(office, who, **changed)

    (act,) = acts(office)
    assert (act.act, act.actor, act.out, act.why) == ("grant", who, "deny", error.code)
    assert "curiosity" not in str(act)
    assert "because" not in str(act)


def test_a_grant_is_of_one_person_and_lasts_a_day(office: Office) -> None:
    """Nobody else opens under it, and nobody after it is over."""
    grant = granted(office)
    with pytest.raises(errors.IdentityDutyError):
        opened(office, grant, "prosecutor", "duty:P_CASE")
    with pytest.raises(errors.IdentityPurposeError):
        opened(office, grant, purpose="curiosity")
    office.clock.now += LASTS
    with pytest.raises(errors.IdentityGrantError):
        opened(office, grant)
    late = str(ask(office)["id"])
    office.clock.now += DAY
    with pytest.raises(errors.IdentityApproverError):
        approve(office, "security", late)


def test_it_is_limited_by_the_hour(office: Office) -> None:
    """Too many openings are refused, and on record; an hour later it goes on."""
    grant = granted(office)
    for _ in range(OPENINGS_AN_HOUR):
        opened(office, grant)
    with pytest.raises(errors.IdentityPaceError):
        opened(office, grant)
    assert acts(office)[-1].why == errors.IdentityPaceError.code
    office.clock.now += HOUR
    opened(office, grant)
    for _ in range(REQUESTS_AN_HOUR):
        ask(office)
    with pytest.raises(errors.IdentityPaceError):
        ask(office)


def test_who_was_erased_has_no_name(office: Office) -> None:
    """The vault has nothing left: said so, and on record."""
    grant = granted(office)
    office.vault.destroy(SUSPECT)
    with pytest.raises(NotInVaultError):
        opened(office, grant)

    assert acts(office)[-1].why == NotInVaultError.code


def test_the_page_tells_each_what_they_may_do(office: Office) -> None:
    """Who has the duty sees persons and may ask; an approver sees the grant alone; others nothing. No key, no name."""
    grant = str(ask(office)["id"])

    def page(who: str) -> dict[str, Any]:
        identities, case = office.desk.identities(office.people[who], ALERT_ID)
        return identities.page(office.people[who], case)

    police, security, clerk = page("police"), page("security"), page("clerk")
    assert [(p["event"], p["field"]) for p in police["persons"]] == [(event_id(1).hex(), "suspect")]
    assert [(g["id"], g["may_approve"], g["may_open"]) for g in police["grants"]] == [(grant, False, False)]
    assert (security["persons"], [g["may_approve"] for g in security["grants"]]) == ([], [True])
    assert (clerk["persons"], clerk["grants"]) == ([], [])
    for who in APPROVERS:
        approve(office, who, grant)
    assert [g["may_open"] for g in page("police")["grants"]] == [True]
    for secret in (NUMBER, NAME, SUSPECT.hex()):
        assert secret not in str((police, security))
