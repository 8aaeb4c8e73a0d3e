"""The officer's desk: only auditors, only for their purpose, every act on record, every answer proved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from security.audit.bundle import verify_bundle
from security.audit.checkpoint import VerifierKey
from security.audit.errors import RecordMissingError
from security.audit.policy import Policy
from security.audit.reading import find
from security.audit.record import Entry
from security.audit.terms import Question
from services.auditor.desk import Asked, AuditDesk
from services.auditor.errors import NotAnAuditorError, PurposeError
from services.auditor.router import auditor_router
from services.desk.errors import LookUpError
from services.desk.look_up import Sought
from services.gateway.exchange import add_error_handlers
from tests.unit.services.desk.office import ALERT_ID, SUBJECT, SUSPECT, Office, open_office
from tests.unit.services.desk.test_router import OpenSessions

ASKED = Asked("duty:SEC", SUBJECT)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office whose police officer looked the suspect up twice."""
    opened = open_office(tmp_path)
    police = opened.people["police"]
    for _ in range(2):
        opened.desk.look_up(police, ALERT_ID, Sought(police.principal.purpose, SUSPECT.hex()))
    yield opened
    opened.close()


@pytest.fixture
def desk(office: Office) -> AuditDesk:
    """The officer's desk of the same node."""
    return AuditDesk(office.folder / "audit", office.folder / "index.db", office.audit, office.sealer.keyed_digest)


def last(desk: AuditDesk, office: Office) -> Entry:
    """Return the newest record of the log."""
    office.audit.checkpoint()
    return find(office.folder / "audit", office.audit.size - 1).record


def test_a_person_is_found_by_key_and_the_search_is_on_record(desk: AuditDesk, office: Office) -> None:
    """Both look-ups are found, exhaustively; the record of the search holds digests only."""
    question = Question(person=(desk.person_digest(SUSPECT.hex()),), act=("person.lookup",))

    answer = desk.search(office.people["security"], ASKED, question, exhaustive=True)

    assert (answer["found"], answer["complete"]) == (2, True)
    assert all(hit["signed"] for hit in answer["hits"])
    act = last(desk, office)
    assert (act.act, act.role, act.purpose, act.case) == ("search", "SEC", "duty:SEC", desk.case_digest(SUBJECT))
    assert act.data["found"] == 2
    assert act.data["persons"] == list(question.person)
    assert SUSPECT.hex() not in str(act)
    assert SUBJECT not in str(act)


def test_fields_and_decisions_can_be_asked_for(desk: AuditDesk, office: Office) -> None:
    """Who was shown a field; who was refused, and why."""
    police, officer = office.people["police"], office.people["security"]
    with pytest.raises(LookUpError):
        office.desk.look_up(police, ALERT_ID, Sought("curiosity", SUSPECT.hex()))

    shown = desk.search(officer, ASKED, Question(field=("police.report.accepted.summary",)))
    refused = desk.search(officer, ASKED, Question(out=("deny",), why=("desk.look_up.purpose",)))
    nothing = desk.search(officer, ASKED, Question(field=("police.wanted.issued.nothing",)))

    assert [hit["record"]["act"] for hit in shown["hits"]] == ["person.lookup", "person.lookup"]
    assert [hit["record"]["actor"] for hit in refused["hits"]] == ["police"]
    assert nothing["found"] == 0


@pytest.mark.parametrize("who", ["prosecutor", "police", "clerk"])
def test_nobody_else_reads_the_log(desk: AuditDesk, office: Office, who: str) -> None:
    """The refusal is recorded; what was typed as purpose is not."""
    with pytest.raises(NotAnAuditorError):
        desk.search(office.people[who], Asked("typed by somebody"), Question())
    with pytest.raises(NotAnAuditorError):
        desk.head(office.people[who])

    act = last(desk, office)
    assert (act.act, act.out, act.why, act.actor) == ("search", "deny", "auditor.role", who)
    assert "typed" not in str(act)


def test_another_purpose_is_refused(desk: AuditDesk, office: Office) -> None:
    """An officer asks for the purpose of the office."""
    with pytest.raises(PurposeError):
        desk.record(office.people["security"], Asked("curiosity"), 0)

    assert last(desk, office).why == "auditor.purpose"


def test_a_record_comes_with_its_proof_and_reading_it_is_an_act(desk: AuditDesk, office: Office) -> None:
    """Also a record above the last head: one is signed for it."""
    seq = office.audit.size - 1

    shown = desk.record(office.people["security"], ASKED, seq)

    assert shown["record"]["act"] == "person.lookup"
    assert shown["size"] > seq
    assert (last(desk, office).act, last(desk, office).obj) == ("record", str(seq))
    with pytest.raises(RecordMissingError):
        desk.record(office.people["security"], ASKED, 10_000)
    assert last(desk, office).out == "deny"


def test_a_bundle_verifies_with_the_nodes_key(desk: AuditDesk, office: Office) -> None:
    """The export is recorded with the numbers of its records."""
    officer = office.people["security"]

    content = desk.bundle(officer, ASKED, [1, 0])

    key = VerifierKey.parse(desk.head(officer)["key"])
    assert [record.seq for record in verify_bundle(content, Policy.of_key(key)).records] == [0, 1]
    assert (last(desk, office).act, last(desk, office).data["seqs"]) == ("export", [0, 1])


def test_verification_runs_beside_the_writer_and_says_how_far_it_is(desk: AuditDesk, office: Office) -> None:
    """It ends with the report in both languages."""
    officer = office.people["security"]
    assert desk.verification(officer)["state"] == "never"
    office.audit.checkpoint()

    begun = desk.verify(officer, ASKED, 3)
    desk.checking.join(30)
    done = desk.verification(officer)

    assert begun["state"] in {"running", "done"}
    assert (done["state"], done["report"]["zh"]["ok"], desk.checking.faults) == ("done", True, 0)
    assert done["done"] >= done["of"] > 0
    assert last(desk, office).act == "verify"


def call(desk: AuditDesk, office: Office, method: str, path: str, token: str, **options: Any) -> httpx.Response:
    """Make one call to the interface."""
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(auditor_router(desk, OpenSessions(office.people)))

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://audit") as client:
            return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/audit/head", None),
        ("POST", "/audit/search", {"purpose": "p"}),
        ("GET", "/audit/records/0?purpose=p", None),
        ("POST", "/audit/bundle", {"purpose": "p", "seqs": [0]}),
        ("POST", "/audit/verification", {"purpose": "p"}),
        ("GET", "/audit/verification", None),
    ],
)
def test_the_interface_needs_a_session_and_an_auditor(
    desk: AuditDesk, office: Office, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """Without a session 401, without the role 403."""
    assert call(desk, office, method, path, "nobody", json=body).status_code == 401
    assert call(desk, office, method, path, "police", json=body).status_code == 403


def test_the_interface_takes_keys_and_references_and_needs_a_purpose(desk: AuditDesk, office: Office) -> None:
    """The node digests; without a purpose nothing is asked."""
    wanted = {"person_key": SUSPECT.hex(), "act": "person.lookup", "of_case": SUBJECT}

    found = call(desk, office, "POST", "/audit/search", "security", json=wanted | {"purpose": "duty:SEC"})
    without = call(desk, office, "POST", "/audit/search", "security", json=wanted)

    assert (found.status_code, found.json()["found"]) == (200, 2)
    assert without.status_code >= 400


def test_the_interface_proves_exports_and_verifies(desk: AuditDesk, office: Office) -> None:
    """The read-only routes, each for a purpose."""
    purpose = {"purpose": "duty:SEC"}
    head = call(desk, office, "GET", "/audit/head", "security").json()
    proved = call(desk, office, "GET", "/audit/records/0", "security", params=purpose).json()
    content = call(desk, office, "POST", "/audit/bundle", "security", json=purpose | {"seqs": [0, 1]}).content
    begun = call(desk, office, "POST", "/audit/verification", "security", json=purpose | {"level": 2})
    desk.checking.join(30)

    assert proved["root"]
    assert proved["key"] == head["key"]
    assert verify_bundle(content, Policy.of_key(VerifierKey.parse(head["key"]))).head.origin == head["origin"]
    assert begun.status_code == 200
    assert call(desk, office, "GET", "/audit/verification", "security").json()["state"] == "done"
