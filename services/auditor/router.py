"""The auditor's interface over HTTP, read-only, on the node's loopback address; sessions are those of the desk.

GET  /audit/head                                  the newest signed head, what stands above it, the site's other logs
POST /audit/search        purpose, case_ref, …    hits with their leaves; `exhaustive` proves that none is left out
GET  /audit/records/{seq}?purpose                 one record with its proof, checked here
POST /audit/bundle        purpose, case_ref, seqs a bundle for `casebus verify`
POST /audit/verification  purpose, level          begin to verify the whole log
GET  /audit/verification                          how far it is, or what it found

On Kafka a site has several logs. A search goes over all of them, or over the one that `log` names; each hit names its
log, and `logs` of the answer says of each to which size it was searched, or why not. A record, a bundle and a
verification are of one log, `log`, else the node's own.

Nothing is changed but the log, which gains the act itself. References and person keys go in bodies, never in addresses.
"""

# Annotations are evaluated here, not kept as text: the dependencies they name are local to the function.
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from security.audit.terms import Question
from services.auditor.desk import Asked, AuditDesk
from services.desk.people import Person
from services.desk.router import Sessions, signed_in_at

Code = Annotated[str, Field(max_length=120, pattern=r"^[\w./:@-]*$")]
LogName = Annotated[str, Field(max_length=80, pattern=r"^[\w.-]*$")]
Wanted = Annotated[str, Query(max_length=80, pattern=r"^[\w.-]*$")]
Purpose = Annotated[str, Query(min_length=1, max_length=80, pattern=r"^[\w.:-]+$")]
Seq = Annotated[int, Path(ge=0, lt=2**53)]


class Stated(BaseModel):
    """What an auditor states with each question: what for, and for which case where there is one."""

    purpose: str = Field(min_length=1, max_length=80, pattern=r"^[\w.:-]+$")
    case_ref: str = Field(default="", max_length=200)

    @property
    def asked(self) -> Asked:
        """As the desk takes it."""
        return Asked(self.purpose, self.case_ref)


class SearchBody(Stated):
    """What is asked: the terms of `Question`, references and person keys still in the clear; times in microseconds."""

    act: Code = ""
    actor: Code = ""
    role: Code = ""
    org: Code = ""
    for_purpose: Code = ""
    out: Code = ""
    why: Code = ""
    obj: Code = ""
    sub: Code = ""
    field: Code = ""
    event: str = Field(default="", pattern="^([0-9a-f]{32})?$")
    person_key: str = Field(default="", pattern="^([0-9a-f]{66})?$")
    of_case: str = Field(default="", max_length=200)
    since: int | None = Field(default=None, ge=0, lt=2**53)
    until: int | None = Field(default=None, ge=0, lt=2**53)
    exhaustive: bool = False
    log: LogName = ""
    limit: int = Field(default=100, ge=1, le=200)

    def question(self, desk: AuditDesk) -> Question:
        """Return the question; the desk digests what the log knows by keyed digests only."""
        given = {name: getattr(self, name) for name in ("act", "actor", "role", "org", "out", "why", "obj", "sub")}
        given |= {"purpose": self.for_purpose, "event": self.event, "field": self.field}
        given["case"] = desk.case_digest(self.of_case)
        given["person"] = desk.person_digest(self.person_key) if self.person_key else ""
        terms = {name: (value,) for name, value in given.items() if value}
        return Question(**terms, since=self.since, until=self.until)


class VerificationBody(Stated):
    """Level of the verification, and of which log."""

    level: int = Field(default=3, ge=1, le=4)
    log: LogName = ""


class BundleBody(Stated):
    """Numbers of the records that the bundle is to hold, all of one log."""

    log: LogName = ""

    seqs: list[Annotated[int, Field(ge=0, lt=2**53)]] = Field(min_length=1, max_length=1000)


def auditor_router(desk: AuditDesk, sessions: Sessions) -> APIRouter:
    """Make the router; the node includes it in its loopback application."""
    router = APIRouter(prefix="/audit", tags=["audit"])

    signed_in = signed_in_at(sessions)

    _reading_routes(router, desk, signed_in)
    _verification_routes(router, desk, signed_in)
    _search_route(router, desk, signed_in)
    return router


def _reading_routes(router: APIRouter, desk: AuditDesk, signed_in: Any) -> None:
    @router.get("/head")
    def head(person: Annotated[Person, Depends(signed_in)]) -> dict[str, Any]:
        return desk.head(person)

    @router.get("/records/{seq}")
    def record(
        person: Annotated[Person, Depends(signed_in)], seq: Seq, purpose: Purpose, log: Wanted = ""
    ) -> dict[str, Any]:
        return desk.record(person, Asked(purpose), seq, log)

    @router.post("/bundle")
    def bundle(person: Annotated[Person, Depends(signed_in)], body: BundleBody) -> Response:
        return Response(desk.bundle(person, body.asked, body.seqs, body.log), media_type="application/json")


def _verification_routes(router: APIRouter, desk: AuditDesk, signed_in: Any) -> None:
    @router.post("/verification")
    def verify(person: Annotated[Person, Depends(signed_in)], body: VerificationBody) -> dict[str, Any]:
        return desk.verify(person, body.asked, body.level, body.log)

    @router.get("/verification")
    def verification(person: Annotated[Person, Depends(signed_in)], log: Wanted = "") -> dict[str, Any]:
        return desk.verification(person, log)


def _search_route(router: APIRouter, desk: AuditDesk, signed_in: Any) -> None:
    @router.post("/search")
    def search(person: Annotated[Person, Depends(signed_in)], body: SearchBody) -> dict[str, Any]:
        question = body.question(desk)
        return desk.search(person, body.asked, question, exhaustive=body.exhaustive, limit=body.limit, log=body.log)
