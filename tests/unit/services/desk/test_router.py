"""The desk over HTTP, in process: sessions, patterns, coded refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.desk.people import Person
from services.desk.router import desk_router
from services.gateway.exchange import add_error_handlers
from tests.unit.services.desk.office import ALERT_ID, Office


class OpenSessions:
    """Sessions whose token is the account's name."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = dict(people)

    def sign_in(self, account: str, password: str) -> str:
        """Take any password."""
        return account

    def person(self, token: str) -> Person | None:
        """Return the person of the name."""
        return self._people.get(token)

    def sign_out(self, token: str) -> None:
        """Forget the person."""
        self._people.pop(token, None)


def call(office: Office, method: str, path: str, token: str = "", **options: Any) -> httpx.Response:
    """Make one call to a desk."""
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(desk_router(office.desk, OpenSessions(office.people)))

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "path", ["/desk/me", "/desk/changes", "/desk/board", f"/desk/alerts/{ALERT_ID}", f"/desk/alerts/{ALERT_ID}/tag"]
)
def test_nothing_is_told_without_a_session(office: Office, path: str) -> None:
    """Every question needs a session."""
    answer = call(office, "GET", path, "nobody")

    assert (answer.status_code, answer.json()["code"]) == (401, "desk.session")


def test_signing_in_tells_who_one_is(office: Office) -> None:
    """The token and what kind of board this person gets."""
    answer = call(office, "POST", "/desk/login", json={"account": "clerk", "password": "x" * 10}).json()

    assert (answer["token"], answer["me"]["sees"]) == ("clerk", "counts")


def test_changes_answer_at_once_when_something_moved(office: Office) -> None:
    """A page that is behind need not wait."""
    answer = call(office, "GET", "/desk/changes", "police", params={"after": -1}).json()

    assert answer["revision"] > 0
    assert answer["silent"] == []


def test_filters_reach_the_board(office: Office) -> None:
    """A filter without a match leaves no row."""
    rows = [
        len(call(office, "GET", "/desk/board", "prosecutor", params={"state": state}).json()["rows"])
        for state in ("raised", "held")
    ]

    assert rows == [1, 0]


@pytest.mark.parametrize("path", ["/desk/alerts/NO", "/desk/board?district=%3Cb%3E"])
def test_what_is_no_code_is_refused(office: Office, path: str) -> None:
    """Ids and filters are plain codes."""
    assert call(office, "GET", path, "prosecutor").status_code in {400, 422}


def test_a_step_and_its_conflict(office: Office) -> None:
    """The first goes through, the second is told who was first, in words."""
    path, body = f"/desk/alerts/{ALERT_ID}/steps", {"act": "accept", "expected_version": 0}

    first = call(office, "POST", path, "prosecutor", json=body)
    second = call(office, "POST", path, "prosecutor", json=body)

    assert (first.status_code, second.status_code) == (200, 409)
    assert "prosecutor" in second.json()["message"]


def test_signing_out_ends_the_session(office: Office) -> None:
    """The answer is empty either way."""
    assert call(office, "POST", "/desk/logout", "police").json() == {}
