"""Asking for subscriptions over HTTP.

An agency, with a token of its own (a source's, a subscription's, or one that `casebus subscription invite` gave):

POST /v1/subscription-requests                 what is wanted → what it would get, and what not and why
GET  /v1/subscription-requests                 one's own
GET  /v1/subscription-requests/{id}            one of them
POST /v1/subscription-requests/{id}/withdraw   taken back

A person of the node, signed in at the desk:

GET  /desk/subscription-requests               all, pending ones first
GET  /desk/subscription-requests/{id}          the field table by decision, and a digest of what is shown
POST /desk/subscription-requests/{id}/approve  `seen`: that digest
POST /desk/subscription-requests/{id}/decline  `reason`
"""

# Annotations are evaluated here, not kept as text: the dependencies they name are local to the function.
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.asking.desk import RequestDesk
from services.asking.errors import NoRequestError, PendingError, SettledError, WishError
from services.desk.people import Person
from services.desk.router import Sessions, signed_in_at
from services.gateway.described import described
from services.gateway.exchange import QueryError, TokenError, error_response, json_response, language_of
from services.gateway.readers import Readers

Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="id of the request")]
Name = Annotated[str, Field(max_length=100)]
PLACE: Final = "/v1/subscription-requests"


class WishBody(BaseModel):
    """What is wanted; `types` and `themes` add up, a type without `fields` means every field of it."""

    subscription: Name
    purpose: Name
    basis: str = Field(max_length=300, description="the law, duty or agreement that the purpose rests on")
    agreements: list[Name] = Field(default=[], max_length=20, description="numbers, for what is shared conditionally")
    themes: list[Name] = Field(default=[], max_length=50)
    types: list[Name] = Field(default=[], max_length=300)
    fields: dict[Name, list[Name]] = Field(default={}, max_length=300)
    districts: list[Name] = Field(min_length=1, max_length=100)
    expires: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    clearance: int = Field(ge=1, le=4)
    compartments: list[Name] = Field(default=[], max_length=20)


class ApproveBody(BaseModel):
    """The digest of what the reviewer was shown."""

    seen: str = Field(pattern="^[0-9a-f]{64}$")


class DeclineBody(BaseModel):
    """Why: a code."""

    reason: str = Field(max_length=40)


SHORT: Final[dict[str, Any]] = {
    "request": "00112233445566aa",
    "subscription": "tax-990103-fines",
    "organisation": "tax-990103",
    "purpose": "fine-collection",
    "at": 1772323200000000,
    "state": "pending",
    "reason": "",
}
FIELD: Final[dict[str, Any]] = {
    "field": "person",
    "zh": "当事人",
    "en": "party",
    "level": 3,
    "given": "never",
    "reason": "clearance",
    "why": {"zh": "密级不足", "en": "the clearance is too low"},
}
SHOWN: Final[dict[str, Any]] = {
    **SHORT,
    "wish": {"subscription": "tax-990103-fines", "purpose": "fine-collection", "expires": "2027-01-01"},
    "gets": [{"type": "traffic.fine.created", "share": "conditional", "agreement": "", "fields": [FIELD]}],
    "widens": ["subscription"],
    "needs": 2,
    "approved_by": [],
    "seen": "00" * 32,
}


def asking_router(desk: RequestDesk, readers: Readers) -> APIRouter:
    """Make the routes of agencies."""
    router = APIRouter(prefix=PLACE, tags=["subscriptions"])

    def ask(request: Request, body: WishBody) -> Response:
        """Ask for a subscription; the answer says what it would get, what not and why, and how many approve."""
        try:
            return json_response(desk.ask(readers.of(request), body.model_dump()))
        except WishError as error:
            return error_response(error, language_of(request), error.faults)

    def own(request: Request) -> Response:
        """List the requests of one's organisation, oldest first."""
        return json_response({"requests": desk.own(readers.of(request))})

    def show(request: Request, request_id: Id) -> Response:
        """Show one request: its state, what it would get."""
        return json_response(desk.show(readers.of(request), request_id))

    def withdraw(request: Request, request_id: Id) -> Response:
        """Take a request back that is pending."""
        return json_response(desk.withdraw(readers.of(request), request_id))

    add, errors = router.add_api_route, (TokenError, QueryError)
    add("", ask, methods=["POST"], **described(SHOWN, *errors, WishError, PendingError))
    add("", own, **described({"requests": [SHORT]}, TokenError))
    add("/{request_id}", show, **described(SHOWN, *errors, NoRequestError))
    add(
        "/{request_id}/withdraw",
        withdraw,
        methods=["POST"],
        **described(SHOWN, *errors, NoRequestError, SettledError),
    )
    return router


def reviewing_router(desk: RequestDesk, sessions: Sessions) -> APIRouter:
    """Make the routes of reviewers."""
    router = APIRouter(prefix="/desk/subscription-requests", tags=["desk"])

    signed_in = signed_in_at(sessions)

    @router.get("")
    def reviews(person: Annotated[Person, Depends(signed_in)]) -> dict[str, Any]:
        return {"requests": desk.reviews(person)}

    @router.get("/{request_id}")
    def review(person: Annotated[Person, Depends(signed_in)], request_id: Id) -> dict[str, Any]:
        return desk.review(person, request_id)

    @router.post("/{request_id}/approve")
    def approve(
        request: Request, person: Annotated[Person, Depends(signed_in)], request_id: Id, body: ApproveBody
    ) -> Response:
        try:
            return json_response(desk.approve(person, request_id, body.seen))
        except WishError as error:
            return error_response(error, language_of(request), error.faults)

    @router.post("/{request_id}/decline")
    def decline(person: Annotated[Person, Depends(signed_in)], request_id: Id, body: DeclineBody) -> dict[str, Any]:
        return desk.decline(person, request_id, body.reason)

    return router
