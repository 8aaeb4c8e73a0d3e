"""Subscriptions over HTTP: page by page, or as a stream of server-sent events.

GET /v1/subscriptions/{id}                          what it is, and where it stands
GET /v1/subscriptions/{id}/events?after=N&limit=M   a page; `form=avro` gives the exact bytes
GET /v1/subscriptions/{id}/stream                   server-sent events; Last-Event-ID resumes
POST /v1/subscriptions/{id}/acknowledgements        through: every view up to this offset has arrived
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from schemas.instants import format_instant
from security.view_schema import UnknownViewError, ViewRegistry
from services.gateway.cursor import BEGINNING, CursorError
from services.gateway.described import described
from services.gateway.exchange import QueryError, TokenError, json_response, language_of
from services.gateway.readers import Readers, token_of
from services.gateway.receiving import (
    PAGE_VIEWS,
    BeyondEndError,
    EndedError,
    ExpiredError,
    HeldError,
    NotYoursError,
    Receiving,
)
from services.gateway.view_rendering import Form
from services.gateway.view_stream import MEDIA, Streams, TooManyStreamsError, Wanted, rendered

Id = Annotated[str, Path(max_length=120, description="id of the subscription")]
CURSOR: Final = r"^(-1|[0-9]{1,19}|[A-Za-z0-9_-]{20,4000})$"
After = Annotated[
    str, Query(pattern=CURSOR, description="`next` of the last page; offset of the last known view; -1: from the start")
]
InForm = Annotated[Form, Query(description="json: the open fields; avro: the framed view, base64")]
VIEW: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "019ca1b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b",
    "type": "police.case.filed",
    "source": "police-990103/cases",
    "time": "2026-03-01T01:30:00Z",
    "offset": 41,
    "manifest": "demo/1207",
    "sealed": True,
    "withheld": [{"field": "suspect", "reason": "flag"}],
    "data": {"unit": "990103010000", "filed_at": "2026-03-01T01:30:00Z"},
}
PAGE: Final = {"subscription": "procuratorate-990103-filing", "events": [VIEW], "next": 41, "end": 42}
CARD: Final = {
    "subscription": "procuratorate-990103-filing",
    "organisation": "procuratorate-990103",
    "purpose": "filing-supervision",
    "topic": "casebus.view.procuratorate-990103-filing",
    "types": {"police.case.filed": ["filed_at", "unit"]},
    "districts": ["990103"],
    "expires": "2026-03-01T00:00:00Z",
    "end": 42,
}
SSE: Final = "id: 41\nevent: view\ndata: {…}\n\n"
ACKNOWLEDGED: Final = {"subscription": "procuratorate-990103-filing", "through": 41}
DENIED: Final = (TokenError, NotYoursError, EndedError, HeldError, ExpiredError, CursorError)


class AcknowledgementBody(BaseModel):
    """Up to which offset, or cursor, the receiver has every view."""

    through: Annotated[int, Field(ge=0, le=2**53 - 1)] | Annotated[str, Field(pattern=CURSOR)] = Field(examples=[41])


def receiving_router(receiving: Receiving, streams: Streams, readers: Readers, registry: ViewRegistry) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

    def card(request: Request, subscription: Id) -> Response:
        """Say what a subscription is: purpose, types and fields, districts, end of its right, end of its topic."""
        receiver = receiving.allowed(readers.receiver(request), subscription)
        principal = receiver.principal
        return json_response(
            {
                "subscription": principal.id,
                "organisation": principal.organisation,
                "purpose": principal.purpose,
                "topic": receiver.topic,
                "types": {name: sorted(principal.fields.get(name, ())) for name in sorted(principal.event_types)},
                "districts": list(principal.districts),
                "expires": None if principal.expires_at is None else format_instant(principal.expires_at),
                "end": receiving.end(receiver.topic),
            }
        )

    def events(
        request: Request,
        subscription: Id,
        after: After = BEGINNING,
        limit: Annotated[int, Query(ge=1, le=PAGE_VIEWS)] = 100,
        form: InForm = "json",
    ) -> Response:
        """Return a page of views, oldest first; ask for the next one with `after` = `next`."""
        page = receiving.read(readers.receiver(request), subscription, after, limit, "page")
        shown = [rendered(view, form, registry, receiving.partitioned) for view in page.views]
        return json_response({"subscription": subscription, "events": shown, "next": page.next, "end": page.end})

    def stream(
        request: Request,
        subscription: Id,
        after: After = BEGINNING,
        form: InForm = "json",
        last: Annotated[str | None, Header(alias="Last-Event-ID", pattern=CURSOR)] = None,
    ) -> Response:
        """Stream views as they are released, from `after` or `Last-Event-ID` on; comments keep the connection alive."""
        token = token_of(request)
        receiver = receiving.allowed(readers.receiver(request), subscription)
        return streams.open(
            Wanted(
                subscription,
                receiver.topic,
                after if last is None else last,
                form,
                language_of(request),
                lambda: readers.by_token(token),
            )
        )

    add, place = router.add_api_route, "/{subscription}"
    add(place, card, **described(CARD, *DENIED))
    add(f"{place}/events", events, **described(PAGE, QueryError, *DENIED, UnknownViewError))
    add(f"{place}/stream", stream, **described(SSE, QueryError, *DENIED, TooManyStreamsError, media=MEDIA))
    _acknowledging(router, receiving, readers)
    return router


def _acknowledging(router: APIRouter, receiving: Receiving, readers: Readers) -> None:
    def acknowledge(request: Request, subscription: Id, body: AcknowledgementBody) -> Response:
        """Say that every view up to an offset or cursor has arrived; it stands in the log beside what was released."""
        through = receiving.acknowledge(readers.receiver(request), subscription, body.through)
        return json_response({"subscription": subscription, "through": through})

    said = described(ACKNOWLEDGED, QueryError, *DENIED, BeyondEndError)
    router.add_api_route("/{subscription}/acknowledgements", acknowledge, methods=["POST"], **said)
