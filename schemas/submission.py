"""The publisher's Avro form of an event: the envelope's attributes beside the record of its contract.

    record <Contract>Submission { id, source, time, district, sequence?, subject?, supersedes?, flags[],
                                  data: <Contract> }

A container file (`schemas.container`) of such records carries this schema; a file of any other schema is refused. The
form is compared as Parsing Canonical Form (Avro 1.12): documentation and labels of the writer's copy do not matter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form

from schemas.catalogue import Contracts
from schemas.codec import Codec
from schemas.container import ContainerSchemaError
from schemas.contract import Contract
from schemas.instants import format_instant

_TIME: Final = {"type": "long", "logicalType": "timestamp-micros"}
_OPTIONAL: Final = ["null", "string"]
_FLAGS: Final = {"type": "array", "items": "string"}
_ENVELOPE: Final[tuple[tuple[str, Any], ...]] = (
    ("id", "string"),
    ("source", "string"),
    ("time", _TIME),
    ("district", "string"),
    ("sequence", _OPTIONAL),
    ("subject", _OPTIONAL),
    ("supersedes", _OPTIONAL),
    ("flags", _FLAGS),
)
_NO_SCHEMA: Final = (
    SchemaParseException,
    UnknownType,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
)


def schema_of(contract: Contract) -> dict[str, Any]:
    """Return the Avro schema of the publisher's form of a contract's events."""
    defaults: dict[str, Any] = {"flags": [], "sequence": None, "subject": None, "supersedes": None}
    fields = [
        {"name": name, "type": kind, **({"default": defaults[name]} if name in defaults else {})}
        for name, kind in _ENVELOPE
    ]
    return {
        "type": "record",
        "name": f"{contract.schema['name']}Submission",
        "namespace": contract.schema["namespace"],
        "fields": [*fields, {"name": "data", "type": contract.schema}],
    }


@dataclass(frozen=True)
class Form:
    """The publisher's form of one contract version."""

    contract: Contract

    @cached_property
    def codec(self) -> Codec:
        """Reads and writes its records; compiled at first use."""
        members = [{"name": field.name, "type": field.avro_type} for field in self.contract.fields]
        data = {"type": "record", "name": self.contract.fullname, "fields": members}
        return Codec(self.contract.key, [[*_ENVELOPE, ("data", data)]])

    def said(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a decoded record as the structured CloudEvent it stands for."""
        given = {name: record[name] for name, _ in _ENVELOPE if record[name] not in (None, [])}
        given["time"] = _instant(record["time"])
        if "flags" in given:
            given["flags"] = ",".join(given["flags"])
        return {"specversion": "1.0", "type": self.contract.type, **given, "data": _plain(record["data"])}


class Forms:
    """The forms of all contract versions, found by the schema that a file carries."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts

    @cached_property
    def _by_schema(self) -> dict[str, Form]:
        return {to_parsing_canonical_form(schema_of(each)): Form(each) for each in self._contracts.all()}

    def find(self, schema: bytes) -> Form:
        """Return the form a writer's schema is; raises `ContainerSchemaError` where it is none of ours."""
        try:
            form = self._by_schema.get(to_parsing_canonical_form(json.loads(schema)))
        except _NO_SCHEMA:
            form = None
        if form is None:
            raise ContainerSchemaError
        return form


def _instant(us: int) -> str:
    try:
        return format_instant(us)
    except (ValueError, OverflowError):
        return str(us)  # no time that there is: inspection names the fault


def _plain(value: Any) -> Any:
    """Return a typed value as JSON can hold it; times stay integers, bytes become hex."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value
