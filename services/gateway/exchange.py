"""What requests and errors of the gateway share: the language, the token, the body within its limit, coded errors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Protocol

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from schemas.errors import CasebusError, DeniedError, NotFoundError, RefusedError, UsageError
from schemas.faults import Fault
from schemas.texts import Language
from services.gateway.collector import Collector
from services.gateway.intake import Limits, TooLargeError

JSON: Final = "application/json"
RETRY_SECONDS: Final = {"gateway.busy": 1, "gateway.stopping": 2}
RETRY_LATER: Final = 5
UNAVAILABLE: Final = 503
BUSY: Final = 429
INTERNAL: Final = 500


class Tokens(Protocol):
    """Who a bearer token belongs to."""

    def who(self, token: str) -> str | None:
        """Return the source, or None."""
        ...


class TokenError(DeniedError):
    """No token, or none that is known."""

    code: ClassVar[str] = "gateway.token"
    http_status: ClassVar[int] = 401


class SlowError(RefusedError):
    """A body that does not arrive."""

    code: ClassVar[str] = "gateway.slow"
    http_status: ClassVar[int] = 408


class QueryError(UsageError):
    """A parameter of the wrong form."""

    code: ClassVar[str] = "gateway.query"


class MarkError(UsageError):
    """A mark that cannot be read."""

    code: ClassVar[str] = "gateway.mark"


class NoReceiptError(NotFoundError):
    """A receipt that is not remembered, or is not of this source."""

    code: ClassVar[str] = "gateway.no_receipt"


def language_of(request: Request) -> Language:
    """Return the language the client asks for: Chinese where Accept-Language begins with it."""
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def bearer_of(request: Request) -> str:
    """Return the bearer token, or nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def body_of(request: Request, limits: Limits, collector: Collector) -> bytes:
    """Read the body within its limits; the room it takes is the collector's and must be released by the caller.

    Raises:
        TooLargeError: more bytes than a request may have. SlowError: it did not arrive in time. BusyError: no room.
    """
    announced = request.headers.get("content-length", "")
    _require_room(int(announced) if announced.isdecimal() else 0, limits)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in request.stream():
                _require_room(size + len(part), limits)
                collector.reserve(len(part))
                size += len(part)
                parts.append(part)
    except TimeoutError:
        collector.release(size)
        raise SlowError from None
    except BaseException:
        collector.release(size)
        raise
    return b"".join(parts)


def _require_room(size: int, limits: Limits) -> None:
    if size > limits.body:
        raise TooLargeError(limit=limits.body)


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(document), status, headers, media_type=JSON)


def error_response(error: CasebusError, language: Language, faults: Sequence[Fault] = ()) -> Response:
    """Answer with a coded error: code, message, hint, faults. No value of a request stands in it."""
    headers = {}
    if error.http_status in {UNAVAILABLE, BUSY}:
        wait = error.fields.get("seconds") or RETRY_SECONDS.get(error.code, RETRY_LATER)
        headers["Retry-After"] = str(wait)
    if isinstance(error, TokenError):
        headers["WWW-Authenticate"] = "Bearer"
    document = {
        "code": error.code,
        "message": error.message(language),
        "hint": error.hint(language),
        "faults": [fault.as_dict() for fault in faults],
    }
    return json_response(document, error.http_status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Make every failure of an application a coded error."""

    async def coded(request: Request, error: Exception) -> Response:
        assert isinstance(error, CasebusError)
        return error_response(error, language_of(request))

    async def wrong_query(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = ".".join(str(part) for part in error.errors()[0]["loc"][1:])
        return error_response(QueryError(path=places), language_of(request))

    async def no_route(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = error_response(NotFoundError(what="path or method"), language_of(request))
        response.status_code = error.status_code
        return response

    async def gone(request: Request, error: Exception) -> Response:
        del request, error  # nobody reads the answer; nothing of the request was taken
        return Response(status_code=SlowError.http_status)

    async def internal(request: Request, error: Exception) -> Response:
        del error  # the server logs it by class and place; its text may hold a value
        return error_response(CasebusError(), language_of(request))

    app.add_exception_handler(CasebusError, coded)
    app.add_exception_handler(RequestValidationError, wrong_query)
    app.add_exception_handler(HTTPException, no_route)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(INTERNAL, internal)
