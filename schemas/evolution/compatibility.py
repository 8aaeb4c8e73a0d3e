"""BACKWARD by the Avro reference implementation: can the new version read what the old one wrote?

Asked field by field, so that a refusal names its field. Avro matches fields by name; a logical type is no matter to it
and is compared by `schemas.evolution.rules`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.avro_types import define_once
from schemas.contract import Contract, Field


def unreadable(old: Contract, new: Contract) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (field name, avro's reasons) for each field of `new` that cannot be read from what `old` wrote.

    A field that cannot be pinned down is named "": the whole records are compared at the end.
    """
    found = False
    for name, field in new.by_name.items():
        before = old.by_name.get(name)
        reasons = _reasons(_record([field]), _record([before] if before else []))
        if reasons:
            found = True
            yield name, reasons
    if not found:
        reasons = _reasons(new.schema, old.schema)
        if reasons:
            yield "", reasons


def _record(fields: list[Field]) -> dict[str, Any]:
    rows = [
        {"name": f.name, "type": define_once(f.avro_type), **({"default": None} if f.nullable else {})} for f in fields
    ]
    return {"type": "record", "name": "casebus.evolution.One", "fields": rows}


def _reasons(reader: Any, writer: Any) -> tuple[str, ...]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer)))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return ()
    return tuple(sorted({reason.value for reason in result.incompatibilities}))
