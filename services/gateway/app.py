"""The gateway over HTTP.

POST /v1/events         one event (JSON) or a batch (NDJSON, JSON array, Avro file) → receipts, or every fault
GET  /v1/receipts/{id}  the receipt of an event of one's own
POST /v1/marks          heartbeat, or complete_to
POST /v1/check          what would become of them; nothing is kept
GET  /v1/dead-letters…  one's own dead letters, and /v1/quality: see `letters_api`
GET  /v1/receipt-key    the key that receipts verify with
GET  /v1/health · GET /metrics · GET /v1/openapi.json

    gateway = Gateway(door, tokens)
    uvicorn.run(create_app(gateway), host="127.0.0.1", port=8080)

An existing application takes `gateway.router()` and runs `gateway.running()` around its life.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request
from fastapi.responses import Response

from schemas.clock import Clock, SystemClock
from schemas.faults import Fault
from schemas.instants import format_instant, parse_instant
from schemas.submission import Forms
from schemas.texts import Language
from services.gateway import models
from services.gateway.collector import Collector, Posting
from services.gateway.door import Door
from services.gateway.exchange import (
    MarkError,
    NoReceiptError,
    TokenError,
    Tokens,
    add_error_handlers,
    bearer_of,
    body_of,
    error_response,
    json_response,
    language_of,
)
from services.gateway.intake import TAKEN, Limits, MediaTypeError, TooLargeError, events_in, narrowed, read
from services.gateway.interface import describe
from services.gateway.letters_api import FindKeeper, IsOperator, LettersApi, no_keeper, nobody
from services.gateway.limits import RateError, Rates
from services.gateway.receipt import fingerprint
from services.gateway.source import Source, UnknownSourceError

SWITCH_SECONDS = 0.0005
PLAIN = "identity"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": models.ErrorModel, "description": "no valid token"},
    421: {"model": models.ErrorModel, "description": "the source publishes at another gateway of the site"},
    503: {"model": models.ErrorModel, "description": "nothing was acknowledged; see Retry-After"},
}
PUBLISHING: dict[int | str, dict[str, Any]] = {
    202: {"model": models.PublishedModel | models.BatchModel, "description": "durable, and in the audit log"},
    207: {"model": models.BatchModel, "description": "a batch of which a part did not pass"},
    400: {"model": models.RejectedModel, "description": "no valid event"},
    403: {"model": models.RejectedModel, "description": "not registered for it"},
    408: {"model": models.ErrorModel, "description": "the body did not arrive"},
    409: {"model": models.RejectedModel, "description": "the id was taken with another payload"},
    413: {"model": models.ErrorModel | models.RejectedModel, "description": "over a limit of size, number or depth"},
    415: {"model": models.ErrorModel, "description": "content type or encoding not taken"},
    422: {"model": models.RejectedModel, "description": "refused or quarantined, with every fault"},
    429: {
        "model": models.ErrorModel,
        "description": "the queue is full, or the source is over its rate; see Retry-After",
    },
    **ERRORS,
}
CHECKING: dict[int | str, dict[str, Any]] = {
    200: {"model": models.CheckedModel, "description": "what would become of each event"},
    **{status: PUBLISHING[status] for status in (400, 401, 408, 413, 415, 421, 429)},
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": models.EVENT_SCHEMA},
            "application/json": {"schema": models.EVENT_SCHEMA},
            "application/cloudevents-batch+json": {"schema": {"type": "array", "items": models.EVENT_SCHEMA}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "one event a line"}},
            "application/avro": {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "Avro object container file of the publisher's form of a contract",
                }
            },
        },
    },
    "security": [{"token": []}],
}
SECURED: dict[str, Any] = {"security": [{"token": []}]}


class Gateway:
    """The HTTP side of a door: routes, and the collector that lives while the server runs."""

    def __init__(
        self,
        door: Door,
        tokens: Tokens,
        clock: Clock,
        limits: Limits | None = None,
        machine: Clock | None = None,
        operator: IsOperator = nobody,
        keeper: FindKeeper = no_keeper,
    ) -> None:
        """`clock` is the node's, which a demonstration may stop; rates go by `machine`, by default the system's."""
        self._door, self._tokens, self._clock = door, tokens, clock
        self._rates, self._operator, self._keeper = Rates(machine or SystemClock()), operator, keeper
        self._forms = Forms(door.contracts)
        self._limits = limits or Limits()
        self._collector: Collector | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Commit postings while the block runs; what waits at its end is committed before it ends."""
        # A commit's thread would keep the loop from the interpreter for 5 ms at a time: every answer would wait for it.
        interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        self._collector = Collector(self._door, self._limits)
        self._collector.start()
        try:
            yield
        finally:
            await self._collector.stop()
            sys.setswitchinterval(interval)

    def publisher(self, request: Request) -> Source:
        """Return the source that the request's token belongs to; raises `TokenError`, `ElsewhereError`."""
        name = self._tokens.who(bearer_of(request))
        try:
            if name is not None:
                return self._door.source(name)
        except UnknownSourceError:
            pass  # a token outlives its source: it opens nothing
        self._door.metrics.denied()
        raise TokenError

    async def publish(self, request: Request) -> Response:
        """Take one event or a batch."""
        source = self.publisher(request)
        media = _media(request)
        assert self._collector is not None, "the gateway is not running"
        limits = narrowed(self._limits, source.limits)
        body = await self._body(request, limits)
        try:
            self._charge(source, events_in(media, body, limits))
            posting = Posting(source, body, media, language_of(request))
            answer = await self._collector.post(posting)
        finally:
            self._collector.release(len(body))
        return Response(answer.body, answer.status, media_type="application/json")

    async def _body(self, request: Request, limits: Limits) -> bytes:
        assert self._collector is not None, "the gateway is not running"
        try:
            return await body_of(request, limits, self._collector)
        except TooLargeError as error:
            self._door.metrics.turned_away(error.code)
            raise

    def _charge(self, source: Source, events: int) -> None:
        try:
            self._rates.take(source.id, events, source.limits)
        except RateError as error:
            self._door.metrics.turned_away(error.code)
            raise

    async def receipt(self, request: Request, event_id: Annotated[str, Path(max_length=64)]) -> Response:
        """Return the receipt of an event of the source that asks."""
        receipt = self._door.receipt(self.publisher(request), event_id)
        if receipt is None:
            raise NoReceiptError
        return json_response(receipt)

    def mark(self, request: Request, body: models.MarkBody) -> Response:
        """Take a heartbeat or a `complete_to`; a plain function, so that it runs in a thread of its own."""
        source = self.publisher(request)
        if bool(body.heartbeat) == (body.complete_to is not None):
            return _wrong_mark(request, "$")
        if body.complete_to is None:
            mark = self._door.heartbeat(source)
        else:
            try:
                mark = self._door.complete_to(source, parse_instant(body.complete_to))
            except ValueError:
                return _wrong_mark(request, "$.complete_to")
        return json_response({"source": source.id, "mark": format_instant(mark)})

    async def check(self, request: Request) -> Response:
        """Say what would become of one event or a batch, with every fault; nothing is kept, nothing recorded."""
        source = self.publisher(request)
        media = _media(request)
        assert self._collector is not None, "the gateway is not running"
        limits = narrowed(self._limits, source.limits)
        body = await self._body(request, limits)
        try:
            self._charge(source, events_in(media, body, limits))
            return json_response(await asyncio.to_thread(self._checked, source, media, body, language_of(request)))
        finally:
            self._collector.release(len(body))

    def _checked(self, source: Source, media: str, body: bytes, language: Language) -> dict[str, Any]:
        found = read(media, body, narrowed(self._limits, source.limits), self._forms)
        outcomes = self._door.check(source, found.events)
        rows = [{"line": line, **one.rehearsed(language)} for line, one in enumerate(outcomes, 1)]
        return {"passes": all(each.ok for each in outcomes), "results": rows}

    async def health(self) -> Response:
        """Say that the gateway is up, and what time it is for it."""
        clock = format_instant(self._clock.now_us())
        return json_response({"status": "ok", "node": self._door.node, "clock": clock})

    async def receipt_key(self) -> Response:
        """Return the public key that receipts verify with."""
        key = self._door.public_key
        return json_response({"algorithm": "Ed25519", "key": fingerprint(key), "public_key": key.hex()})

    async def metrics(self) -> Response:
        """Return the metrics."""
        return Response(self._door.metrics.render(), media_type=PROMETHEUS)

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter()
        add = router.add_api_route
        add("/v1/events", self.publish, methods=["POST"], responses=PUBLISHING, openapi_extra=BODY, status_code=202)
        add("/v1/receipts/{event_id}", self.receipt, **_reading(models.ReceiptModel))
        add("/v1/marks", self.mark, methods=["POST"], **_reading(models.MarkModel))
        add("/v1/check", self.check, methods=["POST"], responses=CHECKING, openapi_extra=BODY)
        router.include_router(LettersApi(self._door, self.publisher, self._operator, self._keeper).router())
        add("/v1/receipt-key", self.receipt_key, responses={200: {"model": models.KeyModel}})
        add("/v1/health", self.health, responses={200: {"model": models.HealthModel}})
        add("/metrics", self.metrics, response_class=Response)
        return router


def _media(request: Request) -> str:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in TAKEN or request.headers.get("content-encoding", PLAIN).strip().lower() != PLAIN:
        raise MediaTypeError  # compressed bytes are not unpacked: what is signed is what was sent
    return media


def _reading(model: type) -> dict[str, Any]:
    wrong = {code: {"model": models.ErrorModel} for code in (400, 404)}
    return {"responses": {200: {"model": model}, **wrong, **ERRORS}, "openapi_extra": SECURED}


def _wrong_mark(request: Request, path: str) -> Response:
    return error_response(MarkError(path=path), language_of(request), [Fault.of(path, MarkError.code)])


def create_app(gateway: Gateway) -> FastAPI:
    """Make the gateway's application. Its pages load nothing from elsewhere, so there are no interactive docs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        async with gateway.running():
            yield

    app = FastAPI(
        title="casebus gateway",
        version="1",
        description="Publish case events; get signed receipts.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.include_router(gateway.router())
    add_error_handlers(app)
    describe(app)
    return app
