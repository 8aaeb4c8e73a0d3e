"""Answers of a gateway as a client reads them: JSON, or the coded error that it told."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from schemas.errors import CasebusError, UnavailableError
from schemas.texts import Language

EXITS = {400: 2, 401: 4, 403: 4, 404: 3, 410: 4, 429: 5, 503: 5, 507: 5}
"""Exit code by HTTP status; every other refusal is a failed check, 1."""


class NoGatewayError(UnavailableError):
    """No gateway answers."""

    code: ClassVar[str] = "agency.no_gateway"


class ToldError(CasebusError):
    """What a gateway told: its code, its message and hint in the language that was asked for, its faults."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        self._told = told
        super().__init__(faults=told.get("faults", []), status=status)
        self.code = str(told["code"])  # type: ignore[misc]
        self.exit_code = EXITS.get(status, 1)  # type: ignore[misc]

    def message(self, language: Language = "en") -> str:
        """Return the gateway's message."""
        del language
        return str(self._told["message"])

    def hint(self, language: Language = "en") -> str:
        """Return the gateway's hint, and each fault by its place."""
        faults = [f"{each['path']}: {each[language]}" for each in self._told.get("faults", []) if each.get(language)]
        return "\n    ".join([str(self._told["hint"]), *faults])


def told(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer; raises `ToldError` for a refusal, `NoGatewayError` for what no gateway says."""
    try:
        document = answer.json()
    except ValueError:
        raise NoGatewayError(url=str(answer.request.url.copy_with(path="/"))) from None
    if answer.is_success:
        return dict(document)
    if not isinstance(document, dict) or "code" not in document:
        raise NoGatewayError(url=str(answer.request.url.copy_with(path="/")))
    raise ToldError(answer.status_code, document)
