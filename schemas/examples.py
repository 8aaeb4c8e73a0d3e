"""A valid example event of any contract, made from its types, formats and code lists: invented, and always the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.checks import Parts
from schemas.codes import code_list
from schemas.contract import Contract, Field
from schemas.event import Event, derived_id
from schemas.identifiers import EXAMPLES
from schemas.instants import parse_day, parse_instant

INSTANT = parse_instant("2025-03-05T01:30:00Z")
DAY = parse_day("2025-03-03")
DISTRICT = "990103"
SYSTEMS = {
    "police": "police-990103/cases",
    "court": "court-990103/trial",
    "detention": "detention-990103/custody",
    "prison": "prison-990100/custody",
    "traffic": "roadpolice-IT/fines",
}
PERSON_KEY = b"\x01" + bytes(range(32))
UNITS = {"court": "700000", "detention": "600000", "prison": "900000"}


def example(contract: Contract) -> Event:
    """Return an example event with typed data."""
    data = {field.name: example_value(contract, field) for field in contract.fields}
    source = SYSTEMS.get(contract.agency, f"{contract.owner or contract.agency}-{DISTRICT}/system")
    return Event(
        id=derived_id(source, contract.key),
        type=contract.type,
        source=source,
        sequence="00000000000000000042",
        subject=data[contract.subject_field],
        occurred_at=INSTANT,
        district=DISTRICT,
        data=data,
    )


def example_value(contract: Contract, field: Field) -> Any:
    """Return a typed value of one field."""
    if "example" in field.extras:
        return field.extras["example"]
    if field.extras.get("format") == "unit" and contract.agency in UNITS:
        return ("990100" if contract.agency == "prison" else DISTRICT) + UNITS[contract.agency]
    return _of_type(field.base_type, field.extras, field.parts)


def _of_text(extras: Mapping[str, Any]) -> str:
    if "format" in extras:
        return EXAMPLES[extras["format"]]
    if "codes" in extras:
        return next(iter(code_list(extras["codes"])))
    return str(extras.get("example", "example"))


def _of_type(kind: Any, extras: Mapping[str, Any], parts: Parts) -> Any:  # noqa: PLR0911 - one return per kind of type
    match kind:
        case "string":
            return _of_text(extras)
        case "boolean":
            return False
        case "int" | "long":
            return max(extras.get("min", 0), min(7, extras.get("max", 7)))
        case "double" | "float":
            return 0.5
        case "bytes":
            return b"\x00"
        case {"logicalType": "timestamp-micros"}:
            return INSTANT
        case {"logicalType": "date"}:
            return DAY
        case {"type": "fixed"}:
            return (PERSON_KEY * kind["size"])[: kind["size"]]
        case {"type": "enum"}:
            return kind["symbols"][0]
        case {"type": "array"}:
            return [_of_type(kind["items"], extras, parts)]
        case ["null", branch]:
            return _of_type(branch, extras, parts)
    return {f["name"]: _of_type(f["type"], parts.get(f"{kind['name']}.{f['name']}", {}), parts) for f in kind["fields"]}
