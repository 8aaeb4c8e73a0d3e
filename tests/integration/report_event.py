"""A police report, as the tests of corrections tell it: the event whose silence M01 counts from."""

from __future__ import annotations

import uuid
from typing import Any

from schemas.event import derived_id, sequence_of
from schemas.instants import format_instant, parse_instant

START = parse_instant("2025-03-03T01:00:00Z")
POLICE = "police-990103/cases"
ELSEWHERE = "police-990104/cases"
UNIT = "990103010000"
SUBSCRIPTION = "procuratorate-990103-filing"
VIEW = f"casebus.view.{SUBSCRIPTION}"


def subject_of(case: int) -> str:
    """Return the police number of a case."""
    return f"J{UNIT}20250303{case:04d}"


def id_of(number: int, source: str = POLICE) -> uuid.UUID:
    """Return the id of a source's report number `number`."""
    return uuid.UUID(bytes=derived_id(source, sequence_of(number)))


def report(number: int, *, case: int, source: str = POLICE, **attributes: Any) -> dict[str, Any]:
    """Make the report of a case; `attributes` correct, withdraw or flag it."""
    subject = subject_of(case)
    return {
        "specversion": "1.0",
        "id": str(id_of(number, source)),
        "type": "police.report.accepted",
        "source": source,
        "subject": subject,
        "time": format_instant(START),
        "sequence": sequence_of(number),
        "district": source[7:13],
        "data": {
            "jjdbh": subject,
            "case_kind": "criminal",
            "accepted_at": format_instant(START),
            "unit": UNIT,
            "receipt_no": f"R{number:08d}",
            "summary": "canary-summary",
        },
    } | attributes
