"""Validation: JSON data of an event → typed values in canonical field order, and every fault at once.

| Avro | JSON | value |
|---|---|---|
| timestamp-micros | RFC 3339 with zone, or an integer | microseconds |
| date | `YYYY-MM-DD`, or an integer | days since 1970-01-01 |
| fixed, bytes | hex | bytes |
| PersonKey | 66 hex characters, or `{"id_number": "…"}` | 33 bytes; `person_key` turns a number into a key |
| string | text, at most `casebus.max` (4,000) characters | text; an identifier in its normal form |

A code is valid from a day and perhaps to a day: given the `day` of the event, a code not valid then is a fault.

Values that are typed already (bytes, integers for times) pass the same checks. Free text must not hold an identity
number. The codec trusts what comes out of here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from schemas.checks import PersonKey, Refusal
from schemas.codes import code_list
from schemas.contract import Contract
from schemas.faults import Fault, shown


def validate(
    contract: Contract,
    data: Any,
    *,
    person_key: PersonKey | None = None,
    base: str = "$.data",
    day: date | None = None,
) -> tuple[dict[str, Any], list[Fault]]:
    """Return (typed values, faults); the values are complete only when there is no fault.

    `day` is the local day of the event; without it codes are checked for being on their list alone.
    """
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
        else:
            if day is not None and name in contract.coded:
                faults += _out_of_time(contract.coded[name], values[name], day, f"{base}.{name}")
    unknown = [key for key in data if key not in contract.by_name]
    if unknown:
        known = ", ".join(contract.by_name)
        faults += [Fault.of(f"{base}.{shown(key)}", "event.unknown_field", known=known) for key in unknown]
    return values, faults


def _out_of_time(name: str, value: Any, day: date, path: str) -> list[Fault]:
    """Return a fault for each code that was not valid on the day."""
    codes = code_list(name)
    several = isinstance(value, list)
    found = list(enumerate(value)) if several else [(0, value)]
    return [
        Fault.of(f"{path}[{index}]" if several else path, "event.code_day", list=name, day=day.isoformat())
        for index, code in found
        if code is not None and not codes[code].valid_on(day)
    ]
