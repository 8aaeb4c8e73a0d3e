"""The desk over HTTP, on the node's loopback address only: bearer session tokens, coded errors, JSON view models.

POST /desk/login                     account, password → token
POST /desk/logout
GET  /desk/me                        who is signed in
GET  /desk/changes?after=N           answers at once when something moved, else within a second
GET  /desk/board?district&unit&model&severity&state
GET  /desk/alerts/{id}               opening is audited
GET  /desk/alerts/{id}/tag           changes when the page should be asked for again
POST /desk/alerts/{id}/steps         act, expected_version, reason, assignee, note
POST /desk/alerts/{id}/look-ups      purpose, and key or event and field: the person's events; audited
POST /desk/alerts/{id}/publish       type, occurred_at, values, request
"""

# Annotations are evaluated here, not kept as text: the dependencies they name are local to the function.
import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import BaseModel, Field

from services.desk.desk import Desk
from services.desk.errors import SessionMissingError
from services.desk.look_up import Sought
from services.desk.people import Person
from services.desk.publishing import Wish
from streams.clues import ClueAct, Step
from streams.projections.values import Filter

LONG_POLL_SECONDS = 1.0
LOOK_SECONDS = 0.05

AlertId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Word = Annotated[str, Query(max_length=40, pattern=r"^[\w.-]*$")]


class Sessions(Protocol):
    """Who may sit at the desk: local accounts and their sessions."""

    def sign_in(self, account: str, password: str) -> str:
        """Return a new session's token; a wrong account or password is a coded denial."""
        ...

    def person(self, token: str) -> Person | None:
        """Return the person of a session, or None where there is none."""
        ...

    def sign_out(self, token: str) -> None:
        """End a session."""
        ...


class SignIn(BaseModel):
    """Account and password."""

    account: str = Field(max_length=120)
    password: str = Field(max_length=1024)


class StepBody(BaseModel):
    """A step of a clue; `expected_version` is the version the page showed."""

    act: ClueAct
    expected_version: int = Field(ge=0)
    reason: str | None = Field(default=None, max_length=40)
    assignee: str | None = Field(default=None, max_length=120)
    note: str = Field(default="", max_length=2000)


class LookUpBody(BaseModel):
    """Who is looked up and what for: a person key (66 hex), or an event of the case and its field."""

    purpose: str = Field(min_length=1, max_length=80)
    key: str = Field(default="", pattern="^([0-9a-f]{66})?$")
    event: str = Field(default="", pattern="^([0-9a-f]{32})?$")
    field: str = Field(default="", max_length=80)


class PublishBody(BaseModel):
    """The decision to publish; `occurred_at` in microseconds, `request` is the form's own id."""

    type: str = Field(max_length=80)
    occurred_at: int
    values: Mapping[str, Annotated[str, Field(max_length=500)]] = {}
    request: str = Field(min_length=8, max_length=64, pattern="^[0-9a-zA-Z-]+$")


def bearer_token(authorization: Annotated[str, Header()] = "") -> str:
    """Return the session's token, as a dependency of routes."""
    return authorization.removeprefix("Bearer ")


def signed_in_at(sessions: Sessions) -> Callable[..., Person]:
    """Return the dependency of routes that gives the person who is signed in; raises `SessionMissingError` there."""

    def signed_in(bearer: Annotated[str, Depends(bearer_token)]) -> Person:
        person = sessions.person(bearer)
        if person is None:
            raise SessionMissingError(reason="session")
        return person

    return signed_in


def desk_router(desk: Desk, sessions: Sessions) -> APIRouter:
    """Make the router; the node includes it in its loopback application."""
    router = APIRouter(prefix="/desk", tags=["desk"])

    signed_in = signed_in_at(sessions)
    _sessions_routes(router, desk, sessions, bearer_token, signed_in)
    _pages_routes(router, desk, signed_in)
    _acts_routes(router, desk, signed_in)
    return router


def _sessions_routes(router: APIRouter, desk: Desk, sessions: Sessions, token: Any, signed_in: Any) -> None:
    @router.post("/login")
    def login(body: SignIn) -> dict[str, Any]:
        bearer = sessions.sign_in(body.account, body.password)
        person = sessions.person(bearer)
        if person is None:
            raise SessionMissingError(reason="session")
        return {"token": bearer, "me": desk.me(person)}

    @router.post("/logout")
    def logout(bearer: Annotated[str, Depends(token)]) -> dict[str, Any]:
        sessions.sign_out(bearer)
        return {}

    @router.get("/me")
    def me(person: Annotated[Person, Depends(signed_in)]) -> dict[str, Any]:
        return desk.me(person)


def _pages_routes(router: APIRouter, desk: Desk, signed_in: Any) -> None:
    @router.get("/changes")
    async def changes(person: Annotated[Person, Depends(signed_in)], after: int = -1) -> dict[str, Any]:
        del person
        for _ in range(int(LONG_POLL_SECONDS / LOOK_SECONDS)):
            answer = desk.changes()
            if answer["revision"] != after:
                return answer
            await asyncio.sleep(LOOK_SECONDS)
        return desk.changes()

    @router.get("/board")
    def board(
        person: Annotated[Person, Depends(signed_in)],
        district: Word = "",
        unit: Word = "",
        model: Word = "",
        severity: Word = "",
        state: Word = "",
    ) -> dict[str, Any]:
        return desk.board(person, Filter((district,) if district else (), unit, model, severity, state))

    @router.get("/alerts/{alert_id}")
    def alert(person: Annotated[Person, Depends(signed_in)], alert_id: AlertId) -> dict[str, Any]:
        return desk.alert(person, alert_id)

    @router.get("/alerts/{alert_id}/tag")
    def tag(person: Annotated[Person, Depends(signed_in)], alert_id: AlertId) -> dict[str, Any]:
        return desk.tag(person, alert_id)


def _acts_routes(router: APIRouter, desk: Desk, signed_in: Any) -> None:
    @router.post("/alerts/{alert_id}/steps")
    def step(person: Annotated[Person, Depends(signed_in)], alert_id: AlertId, body: StepBody) -> dict[str, Any]:
        wish = Step(body.act, person.account, person.role, body.expected_version, body.assignee, body.reason)
        return desk.step(person, alert_id, wish, body.note)

    @router.post("/alerts/{alert_id}/look-ups")
    def look_up(person: Annotated[Person, Depends(signed_in)], alert_id: AlertId, body: LookUpBody) -> dict[str, Any]:
        return desk.look_up(person, alert_id, Sought(body.purpose, body.key, body.event, body.field))

    @router.post("/alerts/{alert_id}/publish")
    def publish(person: Annotated[Person, Depends(signed_in)], alert_id: AlertId, body: PublishBody) -> dict[str, Any]:
        wish = Wish(body.type, body.occurred_at, dict(body.values), body.request)
        return desk.publish(person, alert_id, wish)
