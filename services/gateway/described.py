"""How a route describes itself: its answer by an example, and each coded error that it can give, in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi.responses import Response

from schemas.errors import CasebusError

JSON: Final = "application/json"
SECURITY: Final[list[dict[str, list[str]]]] = [{"token": []}, {"basic": []}]

Form = Callable[[type[CasebusError]], dict[str, Any]]
"""An error's class to the example of its body."""


def coded(error: type[CasebusError]) -> dict[str, Any]:
    """Return the body of a coded error as the gateway writes it."""
    said = error()
    return {"code": error.code, "message": said.message(), "hint": said.hint(), "faults": []}


def registry_form(codes: Mapping[str, int]) -> Form:
    """Return the form that registry clients of the field expect; `codes` gives our code → theirs."""

    def form(error: type[CasebusError]) -> dict[str, Any]:
        said = error()
        number = codes.get(error.code, error.http_status)
        return {"error_code": number, "message": f"{said.message()}; {said.hint()} [{error.code}]"}

    return form


def described(
    example: Any,
    *errors: type[CasebusError],
    media: str = JSON,
    form: Form = coded,
    secured: bool = True,
) -> dict[str, Any]:
    """Return what `add_api_route` needs to describe a route.

    Args:
        example: a whole answer; its shape becomes the schema. A text is an answer that is no JSON.
        errors: every coded error that the route can give.
        media: content type of the answer.
        form: how an error's body looks.
        secured: whether a token is needed.
    """
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "the answer", "content": {media: {"schema": shape(example), "example": example}}},
        **failures(*errors, form=form, media=JSON if form is coded else media),
    }
    extra = {"openapi_extra": {"security": SECURITY}} if secured else {}
    return {"response_class": Response, "responses": responses, **extra}


def failures(*errors: type[CasebusError], form: Form = coded, media: str = JSON) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route: by status, with each code that can stand in it."""
    by_status: dict[int, list[type[CasebusError]]] = {}
    for error in errors:
        by_status.setdefault(error.http_status, []).append(error)
    return {
        status: {
            "description": ", ".join(error.code for error in found),
            "content": {
                media: {
                    "schema": shape(form(found[0])),
                    "examples": {error.code: {"value": form(error)} for error in found},
                }
            },
        }
        for status, found in sorted(by_status.items())
    }


def shape(value: Any) -> dict[str, Any]:
    """Return the JSON schema of a value's shape."""
    if isinstance(value, Mapping):
        return {"type": "object", "properties": {name: shape(held) for name, held in value.items()}}
    if isinstance(value, list):
        return {"type": "array", "items": shape(value[0]) if value else {}}
    for kind, name in ((bool, "boolean"), (int, "integer"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return {}
