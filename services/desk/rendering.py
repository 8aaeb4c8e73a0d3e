"""An event of a case as this person may read it: values of allowed fields, and for each hidden one the reason.

Sealed parts come in clear class blobs; only blobs of allowed classes are decoded, so a value that may not be seen never
becomes a Python object on the way to the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from schemas.codes import code_list
from schemas.contract import Contract, Field
from security.policy.table import Decision
from streams.projections.values import CaseEventRow

EPOCH = date(1970, 1, 1)
SHOWN_HEX = 8
"""Digits of a person key that a page shows: enough to see that two events are about the same person."""


def event(
    row: CaseEventRow,
    contract: Contract,
    decision: Decision,
    blobs: Sequence[bytes | None],
    *,
    evidence: bool,
) -> dict[str, Any]:
    """Render one event: its routing attributes, its allowed fields, its hidden fields with their reasons."""
    allowed = set(decision.fields)
    why = dict(decision.withheld)
    values = values_of(contract, decision, blobs)
    return {
        "event_id": row.event_id,
        "type": row.type,
        "title": {"zh": contract.zh, "en": contract.en},
        "source": row.source,
        "district": row.district,
        "unit": row.unit,
        "occurred_at": row.occurred_at,
        "recorded_at": row.recorded_at,
        "level": row.level,
        "superseded_by": row.superseded_by,
        "withdraws": row.withdraws,
        "evidence": evidence,
        "fields": [
            _shown(field, values[field.name])
            for field in contract.fields
            if field.name in allowed and values.get(field.name) is not None
        ],
        "hidden": [hidden(field, why[field.name]) for field in contract.fields if field.name in why],
    }


def hidden(field: Field, reason: str) -> dict[str, Any]:
    """Render a hidden field: its name, its level and why it is hidden."""
    return {"name": field.name, "zh": field.zh, "en": field.en, "level": field.level, "why": reason}


def values_of(contract: Contract, decision: Decision, blobs: Sequence[bytes | None]) -> dict[str, Any]:
    """Decode the classes that the decision opens."""
    values: dict[str, Any] = {}
    for index, (may, blob) in enumerate(zip(decision.classes, blobs, strict=True)):
        if may and blob is not None:
            values |= contract.codec.decode_class(index, blob)
    return values


def _shown(field: Field, value: Any) -> dict[str, Any]:
    kind, shown = _typed(field.base_type, value)
    if "codes" in field.extras:
        kind, shown = "named", _named(str(field.extras["codes"]), str(value))
    return {"name": field.name, "zh": field.zh, "en": field.en, "level": field.level, "kind": kind, "value": shown}


def _named(codes: str, value: str) -> dict[str, str]:
    """Name a value of a code list; a code that is no longer in it names itself."""
    entry = code_list(codes).get(value)
    return {"zh": entry.zh, "en": entry.en} if entry else {"zh": value, "en": value}


def _typed(avro_type: Any, value: Any) -> tuple[str, Any]:
    """Name how the page formats a value: `time` (µs), `date`, `person`, `yes`, `number`, `code` or `text`."""
    form = avro_type if isinstance(avro_type, dict) else {}
    if form.get("logicalType") == "timestamp-micros":
        return "time", int(value)
    if form.get("logicalType") == "date":
        return "date", value.isoformat() if isinstance(value, date) else (EPOCH + timedelta(days=value)).isoformat()
    if isinstance(value, bytes):
        return "person", value[1:].hex()[:SHOWN_HEX]
    if isinstance(value, int):
        return ("yes" if isinstance(value, bool) else "number"), value
    return ("code" if form.get("type") == "enum" else "text"), str(value)
