"""Hypothesis strategies for records of a contract, and the two judges of bytes: fastavro and the reference `avro`."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import avro.io
import avro.schema
import fastavro
from hypothesis import strategies as st

Row = tuple[str, Any]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LIMITS = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return per kind of type
    """Any value of a type in normal form."""
    match kind:
        case ["null", branch]:
            return st.none() | values(branch)
        case "string":
            return TEXT
        case "bytes":
            return st.binary(max_size=20)
        case "boolean":
            return st.booleans()
        case "int" | "long":
            return st.integers(*LIMITS[kind])
        case "double":
            return st.floats(allow_nan=False)
        case "float":
            return st.floats(allow_nan=False, width=32)
        case {"logicalType": _}:
            return st.integers(*LIMITS[kind["type"]])
        case {"type": "fixed"}:
            return st.binary(min_size=kind["size"], max_size=kind["size"])
        case {"type": "enum"}:
            return st.sampled_from(kind["symbols"])
        case {"type": "array"}:
            return st.lists(values(kind["items"]), max_size=4)
    return records([(f["name"], f["type"]) for f in kind["fields"]])


def records(rows: Sequence[Row]) -> st.SearchStrategy[dict[str, Any]]:
    """Any record of these fields, in their order."""
    return st.fixed_dictionaries({name: values(kind) for name, kind in rows})


def plain(schema: Any) -> Any:
    """The schema without logical types: both judges then read and write the integers themselves."""
    return json.loads(json.dumps(schema), object_hook=lambda o: {k: v for k, v in o.items() if k != "logicalType"})


def record_schema(rows: Sequence[Row]) -> dict[str, Any]:
    """A record of these fields; each named type may stand in it once."""
    return {"type": "record", "name": "tests.Sample", "fields": [{"name": n, "type": t} for n, t in rows]}


@cache
def _judges(text: str) -> tuple[Any, Any]:
    return fastavro.parse_schema(json.loads(text)), avro.schema.parse(text)


def judges(schema: Any) -> tuple[Any, Any]:
    """Return the schema as fastavro and the reference parse it; parsed once."""
    return _judges(json.dumps(plain(schema)))


def fastavro_bytes(schema: Any, data: Any) -> bytes:
    """What fastavro writes."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, judges(schema)[0], data)
    return out.getvalue()


def fastavro_value(schema: Any, body: bytes) -> Any:
    """What fastavro reads."""
    return fastavro.schemaless_reader(io.BytesIO(body), judges(schema)[0], None)


def reference_bytes(schema: Any, data: Any) -> bytes:
    """What the Avro reference implementation writes."""
    out = io.BytesIO()
    avro.io.DatumWriter(judges(schema)[1]).write(data, avro.io.BinaryEncoder(out))
    return out.getvalue()


def reference_value(schema: Any, body: bytes) -> Any:
    """What the Avro reference implementation reads."""
    parsed = judges(schema)[1]
    return avro.io.DatumReader(parsed, parsed).read(avro.io.BinaryDecoder(io.BytesIO(body)))
