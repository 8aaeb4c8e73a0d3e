"""Dead letters and the quality report over HTTP.

GET  /v1/dead-letters                   one's own letters; `source` for the operator
GET  /v1/dead-letters/{number}          one letter explained: why, whether it would pass now, what to do next
POST /v1/dead-letters/{number}/redrive  on its way, where what stopped it was mended; takes effect once
POST /v1/dead-letters/{number}/close    nothing will come of it: `reason`
GET  /v1/quality                        what was taken, what not and why, how late, how long silent, what waits

A source shows its token and sees its own letters; the operator of the node shows the token of its data directory. A
person whose role keeps letters shows the token of a session at the desk: case management for sources of its districts,
the security officer for every one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from schemas.errors import UnavailableError
from services.gateway import models
from services.gateway.described import described
from services.gateway.door import Door
from services.gateway.exchange import QueryError, TokenError, bearer_of, json_response, language_of
from services.gateway.redriving import (
    Asker,
    Keeper,
    LetterClosedError,
    NoLetterError,
    ReasonError,
    SecurityLetterError,
)
from services.gateway.source import Source, UnknownSourceError

Number = Annotated[int, Path(ge=0, lt=2**53, description="the letter's number")]
SourceName = Annotated[
    str, Query(max_length=120, pattern=r"^[\w./-]*$", description="for the operator and keepers: whose")
]
IsOperator = Callable[[str], bool]
FindKeeper = Callable[[str], Keeper | None]
REDRIVE = "/v1/dead-letters/{number}/redrive"
CLOSE = "/v1/dead-letters/{number}/close"


def nobody(token: str) -> bool:
    """Take no token for the operator's."""
    del token
    return False


def no_keeper(token: str) -> Keeper | None:
    """Take no token for a person's."""
    del token
    return None


class LettersApi:
    """The routes; `publisher` finds the source of a request, `operator` tells whether a token is the operator's.

    `keeper` answers the person of a token whose role keeps letters.
    """

    def __init__(
        self,
        door: Door,
        publisher: Callable[[Request], Source],
        operator: IsOperator = nobody,
        keeper: FindKeeper = no_keeper,
    ) -> None:
        self._door, self._publisher, self._operator, self._keeper = door, publisher, operator, keeper
        self._desk = door.letter_desk

    def asker(self, request: Request) -> Asker:
        """Return who asks; raises `TokenError`."""
        if self._operator(bearer_of(request)):
            return Asker(None)
        keeper = self._keeper(bearer_of(request))
        return Asker(None, keeper) if keeper else Asker(self._publisher(request))

    def list(
        self,
        request: Request,
        after: Annotated[int, Query(ge=-1, description="number of the last letter that is known")] = -1,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        source: SourceName = "",
    ) -> Response:
        """List dead letters, oldest first."""
        asker = self.asker(request)
        letters = self._desk.list(asker, source, after, limit, language_of(request))
        name = asker.source.id if asker.source else source
        last = letters[-1]["number"] if letters else after
        return json_response({"source": name, "count": self._desk.count(asker, name), "letters": letters, "next": last})

    def show(self, request: Request, number: Number) -> Response:
        """Explain one letter."""
        return json_response(self._desk.show(number, self.asker(request), language_of(request)))

    def redrive(self, request: Request, number: Number) -> Response:
        """Send a letter on its way; one that does not pass stays where it is, and is answered with every fault."""
        return json_response(self._desk.redrive(number, self.asker(request), language_of(request)))

    def close(self, request: Request, number: Number, body: models.CloseBody) -> Response:
        """Close a letter; it is kept."""
        return json_response(self._desk.close(number, self.asker(request), body.reason, language_of(request)))

    def quality(self, request: Request, source: SourceName = "") -> Response:
        """Report on a source."""
        asker = self.asker(request)
        name = asker.source.id if asker.source else self._door.sources.get(source).id
        if not asker.sees(name):
            raise UnknownSourceError(source=name)
        return json_response(self._desk.quality(name, language_of(request)))

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["dead letters"])
        add, settling = router.add_api_route, (NoLetterError, LetterClosedError, UnavailableError)
        rows = {"source": EXAMPLE["source"], "count": 1, "letters": [ROW], "next": 7}
        add("/v1/dead-letters", self.list, **described(rows, TokenError, QueryError))
        add("/v1/dead-letters/{number}", self.show, **described(EXPLAINED, TokenError, QueryError, NoLetterError))
        add(REDRIVE, self.redrive, methods=["POST"], **described(EXPLAINED, TokenError, QueryError, *settling))
        add(
            CLOSE,
            self.close,
            methods=["POST"],
            **described(CLOSED, TokenError, ReasonError, SecurityLetterError, *settling),
        )
        add("/v1/quality", self.quality, **described(EXAMPLE, TokenError, QueryError, UnknownSourceError))
        return router


ROW: dict[str, Any] = {
    "number": 7,
    "event": "019ca1b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b",
    "code": "gateway.invalid",
    "message": "the data does not fit the contract; the event lies among the dead letters",
    "hint": "mend every entry of faults and send it again with the same id",
    "type": "traffic.fine.created",
    "level": 3,
    "at": 1772323200000000,
    "faults": [{"path": "$.data.amount_cents", "code": "event.missing"}],
    "state": "open",
}
EXPLAINED: dict[str, Any] = {
    **ROW,
    "now": {"passes": False, "code": "gateway.invalid", "faults": [{"path": "$.data.amount_cents"}]},
    "next": "mend every entry of faults and send it again with the same id",
}
CLOSED: dict[str, Any] = {**ROW, "state": "closed", "reason": "corrected", "settled_at": 1772323200000000, "audit": 9}
EXAMPLE: dict[str, Any] = {
    "source": "roadpolice-IT/fines",
    "at": 1772323200000000,
    "since": 1772236800000000,
    "accepted": 4711,
    "repeated": 3,
    "late": 1,
    "refused": {"gateway.future": 2},
    "quarantined": {"gateway.invalid": 5},
    "last_published": 1772323100000000,
    "conflicts": 1,
    "mark": 1772323140000000,
    "silent_seconds": 60,
    "dead_letters": {"open": 1, "mended": 3, "redriven": 1, "closed": 0},
    "tickets": [{**ROW, "code": "gateway.conflict", "ticket": "data-quality"}],
    "open_tickets": 1,
}
