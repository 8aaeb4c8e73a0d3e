"""Answers: the outcomes of a request as an HTTP status and JSON bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.texts import Language
from services.gateway import inspection, intake
from services.gateway.commit import CONFLICT, CORRECTS_OTHER
from services.gateway.outcome import Outcome, Status

DURABLE: Final = 202
MIXED: Final = 207
STATUS_OF: Final = {
    inspection.MALFORMED: 400,
    intake.NOT_JSON: 400,
    intake.NAME_TWICE: 400,
    intake.TOO_DEEP: 413,
    intake.TOO_LARGE: 413,
    inspection.OTHER_SOURCE: 403,
    CORRECTS_OTHER: 403,
    inspection.TYPE_NOT_REGISTERED: 403,
    inspection.DISTRICT_NOT_REGISTERED: 403,
    CONFLICT: 409,
}
"""HTTP status by code; every other refusal is 422."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


def answer(outcomes: Sequence[Outcome], lines: Sequence[int] | None, language: Language) -> Answer:
    """Answer a request: one event by itself, a batch by counts and one result a line."""
    if lines is None:
        outcome = outcomes[0]
        status = DURABLE if outcome.ok else STATUS_OF.get(outcome.code, 422)
        return Answer(status, _encode(outcome.as_dict(language)))
    counts = Counter(outcome.status for outcome in outcomes)
    document: dict[str, Any] = {str(status): counts[status] for status in Status}
    document["results"] = [
        {"line": line, **outcome.as_dict(language)} for line, outcome in zip(lines, outcomes, strict=True)
    ]
    mixed = counts[Status.REFUSED] or counts[Status.QUARANTINED]
    return Answer(MIXED if mixed else DURABLE, _encode(document))
