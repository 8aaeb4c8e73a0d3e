"""Validation: JSON data of an event → typed values in canonical field order, and every fault at once.

| Avro | JSON | value |
|---|---|---|
| timestamp-micros | RFC 3339 with zone, or an integer | microseconds |
| date | `YYYY-MM-DD`, or an integer | days since 1970-01-01 |
| fixed, bytes | hex | bytes |
| PersonKey | 66 hex characters, or `{"id_number": "…"}` | 33 bytes; `person_key` turns a number into a key |
| string | text, at most `casebus.max` (4,000) characters | text; an identifier in its normal form |

Values that are typed already (bytes, integers for times) pass the same checks. Free text must not hold an identity
number. The codec trusts what comes out of here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.checks import PersonKey, Refusal
from schemas.contract import Contract
from schemas.faults import Fault, shown


def validate(
    contract: Contract, data: Any, *, person_key: PersonKey | None = None, base: str = "$.data"
) -> tuple[dict[str, Any], list[Fault]]:
    """Return (typed values, faults); the values are complete only when there is no fault."""
    if not isinstance(data, Mapping):
        return {}, [Fault.of(base, "event.not_object")]
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    rows = contract.checks
    for name, nullable, check in rows:
        value = data.get(name)
        if value is None:
            values[name] = None
            if not nullable:
                faults.append(Fault.of(f"{base}.{name}", "event.missing", field=name))
            continue
        try:
            values[name] = check(value, person_key)
        except Refusal as refusal:
            faults.append(Fault.of(f"{base}.{name}{refusal.path}", refusal.code, **refusal.fields))
    unknown = [key for key in data if key not in contract.by_name]
    if unknown:
        known = ", ".join(contract.by_name)
        faults += [Fault.of(f"{base}.{shown(key)}", "event.unknown_field", known=known) for key in unknown]
    return values, faults
