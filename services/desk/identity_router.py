"""Clear names over HTTP, on the node's loopback address only; what is asked for goes in bodies, never in addresses.

GET  /desk/alerts/{id}/identities                     persons that may be asked about, grants, what one may do
POST /desk/alerts/{id}/identities                     purpose, basis, event, field → a grant
POST /desk/alerts/{id}/identities/{grant}/approve     another person approves
POST /desk/alerts/{id}/identities/{grant}/open        purpose → the clear values, and the record that says so
"""

# Annotations are evaluated here, not kept as text: the dependencies they name are local to the function.
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from services.desk.desk import Desk
from services.desk.identities import Wish
from services.desk.people import Person
from services.desk.router import AlertId, Sessions, signed_in_at

GrantId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class Purposed(BaseModel):
    """The purpose of the one who acts."""

    purpose: str = Field(min_length=1, max_length=80)


class AskBody(Purposed):
    """On what basis, and where in the case the person stands."""

    basis: str = Field(max_length=40)
    event: str = Field(pattern="^[0-9a-f]{32}$")
    field: str = Field(min_length=1, max_length=80)


def identity_router(desk: Desk, sessions: Sessions) -> APIRouter:
    """Make the router; the node includes it in its loopback application."""
    router = APIRouter(prefix="/desk/alerts/{alert_id}/identities", tags=["desk"])

    signed_in = signed_in_at(sessions)

    Somebody = Annotated[Person, Depends(signed_in)]  # noqa: N806 - a type

    @router.get("")
    def page(person: Somebody, alert_id: AlertId) -> dict[str, Any]:
        identities, case = desk.identities(person, alert_id)
        return identities.page(person, case)

    @router.post("")
    def ask(person: Somebody, alert_id: AlertId, body: AskBody) -> dict[str, Any]:
        identities, case = desk.identities(person, alert_id)
        return identities.ask(person, case, Wish(body.purpose, body.basis, body.event, body.field))

    @router.post("/{grant}/approve")
    def approve(person: Somebody, alert_id: AlertId, grant: GrantId) -> dict[str, Any]:
        identities, case = desk.identities(person, alert_id)
        return identities.approve(person, case, grant)

    @router.post("/{grant}/open")
    def open_(
        person: Somebody, alert_id: AlertId, grant: GrantId, body: Purposed, response: Response
    ) -> dict[str, Any]:
        response.headers["Cache-Control"] = "no-store"
        identities, case = desk.identities(person, alert_id)
        return identities.open(person, case, grant, body.purpose)

    return router
