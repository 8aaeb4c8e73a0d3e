"""What an agency asks to receive, over HTTP with a real node and console: seen, approved by two others, in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from security.audit.reading import read
from services.node.looking import control_state
from tests.e2e.test_identity import Visitor
from tests.e2e.theatre import POLICE, Theatre

NAME = "police-990103-admissions"
WISH = {
    "subscription": NAME,
    "purpose": "custody-handover",
    "basis": "看守所条例 §9",
    "agreements": ["演会签〔2025〕1号"],
    "types": ["prison.admitted"],
    "districts": ["990103"],
    "expires": "2099-01-01",
    "clearance": 2,
}


@pytest.fixture
def people(theatre: Theatre) -> Iterator[dict[str, Visitor]]:
    """Two who may review, one of the asking organisation, one who reads counts only."""
    with ExitStack() as stack:
        found = {}
        for account in ("security", "prosecutor", "police", "clerk"):
            found[account] = Visitor(theatre.console, account)
            stack.callback(found[account].http.close)
        yield found


def asked(theatre: Theatre, **changes: object) -> str:
    """Ask as the police's system does; return the request's number."""
    headers = {"authorization": f"Bearer {theatre.stage.tokens[POLICE]}"}
    answer = theatre.http.post(f"{theatre.node}/v1/subscription-requests", json=WISH | changes, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["request"])


def seen_on(page: str) -> str:
    """Return the digest that a page's approval carries."""
    return str(re.findall(r'name="seen" value="([0-9a-f]{64})"', page)[0])


def test_two_others_approve_what_the_page_shows(theatre: Theatre, people: dict[str, Visitor]) -> None:
    """Nobody of the asker's, nobody twice, nothing else than what was shown; then it is a signed record of both."""
    request = asked(theatre)
    path = f"/zh/subscription-requests/{request}"
    security, police = people["security"], people["police"]
    assert path in security.get("/zh/subscription-requests")
    page = security.get(path)
    assert "prison.admitted" in page
    assert POLICE in page
    seen = seen_on(page)

    assert '<form method="post" action="/zh/subscription' not in police.get(path)
    police.press(f"{path}/approve", 403, seen=seen)
    people["clerk"].press(f"{path}/approve", 403, seen=seen)
    security.press(f"{path}/approve", 409, seen="00" * 32)
    waiting = security.press(f"{path}/approve", seen=seen)
    security.press(f"{path}/approve", 403, seen=seen)
    granted = people["prosecutor"].press(f"{path}/approve", seen=seen_on(people["prosecutor"].get(path)))

    assert "待办" in waiting
    assert 'name="seen"' not in waiting
    assert "已准予" in granted
    record = control_state(theatre.stage.data).records["subscription", NAME]
    assert record.approvers == ("security", "prosecutor")
    acts = [r.record for r in read(theatre.stage.data / "audit") if r.record.data.get("request") == request]
    assert [(r.actor, r.data["what"]) for r in acts] == [
        (POLICE, "asked"),
        ("security", "approved"),
        ("prosecutor", "approved"),
        ("prosecutor", "granted"),
    ]


def test_one_declines_with_a_reason(theatre: Theatre, people: dict[str, Visitor]) -> None:
    """The reason stands on the page, in the reader's language, and nothing can be pressed any more."""
    path = f"/en/subscription-requests/{asked(theatre, subscription=f'{NAME}-2')}"

    page = people["security"].press(f"{path}/decline", reason="too_wide")

    assert "Declined" in page
    assert "it asks for too much" in page
    assert 'name="seen"' not in page


def test_a_stranger_is_sent_to_the_sign_in(theatre: Theatre) -> None:
    """Without a session nothing is told."""
    answer = theatre.http.get(f"{theatre.console}/zh/subscription-requests")

    assert answer.status_code == 303
    assert "/zh/login" in answer.headers["location"]
