"""The interface description (OpenAPI), made whole when it is first asked for: after every router has been included.

Summaries are the first sentence of a handler's docstring. Every error answer shows each code that can stand in it, in
the words that a client would read; those of the publishing routes are listed here, for they come from the door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI

from schemas.texts import text
from services.gateway.described import JSON, shape

SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "a source's or a subscription's token"},
    "basic": {"type": "http", "scheme": "basic", "description": "its name, and the token as password; for readers"},
}
UNAVAILABLE: Final = ("casebus.unavailable", "gateway.disk_full", "gateway.stopping")
ELSEWHERE: Final = ("gateway.elsewhere",)
OWN: Final = {400: ("gateway.query",), 401: ("gateway.token",), 421: ELSEWHERE, 503: UNAVAILABLE}
BODY: Final = {
    400: ("gateway.malformed", "gateway.not_json", "gateway.name_twice"),
    401: ("gateway.token",),
    408: ("gateway.slow",),
    413: ("gateway.too_large", "gateway.too_deep"),
    415: ("gateway.media_type",),
    421: ELSEWHERE,
    429: ("gateway.busy", "gateway.rate"),
}
"""What can be wrong with a request that carries events."""

DOOR: Final[Mapping[str, Mapping[int, Sequence[str]]]] = {
    "/v1/check": BODY,
    "/v1/events": {
        **BODY,
        403: ("gateway.other_source", "gateway.type_not_registered", "gateway.district_not_registered"),
        409: ("gateway.conflict",),
        422: ("gateway.above_ceiling", "gateway.future", "gateway.invalid", "gateway.unknown_type"),
        503: UNAVAILABLE,
    },
    "/v1/receipts/{event_id}": {**OWN, 404: ("gateway.no_receipt",)},
    "/v1/marks": {**OWN, 400: ("gateway.mark", "gateway.query")},
}
"""Path → status → the codes that can stand in the answer."""

ROOTS: Final = {
    400: "gateway.query",
    401: "gateway.token",
    403: "casebus.denied",
    404: "casebus.not_found",
    422: "casebus.refused",
    503: "casebus.unavailable",
}
"""Status → the code at the root of those that can stand in it, where a route does not name its own."""

_AUTOMATIC: Final = "#/components/schemas/HTTPValidationError"
_PARTS: Final = ("message", "hint")


def describe(app: FastAPI) -> None:
    """Let `app` describe itself whole."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(plain())
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # the way that FastAPI documents


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Complete a document in place and return it."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for path, operation in operations(document):
        said = str(operation.get("description", "")).partition("\n")[0]
        if said:
            operation["summary"] = said.rstrip(".")
        _replace_automatic(operation["responses"])
        _add_roots(operation["responses"])
        for status, codes in DOOR.get(path, {}).items():
            answer = operation["responses"].setdefault(str(status), {"description": ", ".join(codes)})
            held = answer.setdefault("content", {}).setdefault(JSON, {})
            held["examples"] = {code: {"value": _body(code)} for code in codes}
        if path in DOOR:
            _drop_unnamed(operation["responses"], DOOR[path])
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path, operation) of every route."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _replace_automatic(responses: dict[str, Any]) -> None:
    """Put a coded error in place of the answer that FastAPI adds by itself for a wrong parameter."""
    schema = responses.get("422", {}).get("content", {}).get(JSON, {}).get("schema", {})
    if schema.get("$ref") == _AUTOMATIC:
        del responses["422"]
        if not any(status.startswith("4") and status != "401" for status in responses):
            responses["400"] = {"description": ROOTS[400]}


def _add_roots(responses: dict[str, Any]) -> None:
    for status, answer in responses.items():
        code = ROOTS.get(int(status)) if status.isdecimal() and status[0] in "45" else None
        content = answer.setdefault("content", {}) if code else {}
        if code and not any("examples" in held or "example" in held for held in content.values()):
            held = content.setdefault(JSON, {})
            held["examples"] = {code: {"value": _body(code)}}
            held.setdefault("schema", shape(_body(code)))


def _drop_unnamed(responses: dict[str, Any], named: Mapping[int, Sequence[str]]) -> None:
    """Take out errors that no code of the route leads to."""
    for status in [s for s in responses if s[0] in "45" and int(s) not in named]:
        del responses[status]


def _body(code: str) -> dict[str, Any]:
    return {"code": code, **{part: text(f"{code}.{part}") for part in _PARTS}, "faults": []}
