"""`codec`: encode and decode every contract's records, beside bare fastavro for the same records.

Raw is fastavro's schemaless writer and reader with the schema parsed beforehand and logical types taken out, so that it
moves the same integers and builds no datetime: its easiest case. Rounds of both alternate and the best of each counts,
so that a busy machine hits both alike. Validation, which a publisher's event passes once, is printed beside.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import fastavro

from schemas.catalogue import Contracts
from schemas.cloudevents import data_to_json
from schemas.codec import Codec
from schemas.contract import Contract
from schemas.examples import example
from schemas.validation import validate
from tests.bench.harness import Figure, Report

ROUNDS = 15
EVENTS = 960
MODEL_FIELDS = {"jjdbh", "ah", "case_id", "unit", "person", "accepted_at", "case_kind", "served_at", "effective_date"}

Job = tuple[Contract, Any, dict[str, Any]]


def jobs() -> list[Job]:
    """Return (contract, fastavro's parsed schema, record) of every contract."""
    return [(c, fastavro.parse_schema(plain(c.schema)), dict(example(c).data)) for c in Contracts.load().all()]


def plain(schema: Any) -> Any:
    """Return a schema without logical types."""
    return json.loads(json.dumps(schema), object_hook=lambda o: {k: v for k, v in o.items() if k != "logicalType"})


def fastavro_encode(schema: Any, data: Any) -> bytes:
    """Encode with bare fastavro."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, data)
    return out.getvalue()


def fastavro_decode(schema: Any, body: bytes) -> Any:
    """Decode with bare fastavro."""
    return fastavro.schemaless_reader(io.BytesIO(body), schema, None)


def there_and_back(codec: Codec, data: dict[str, Any]) -> dict[str, Any]:
    """Encode and decode one record with the generated codec."""
    return codec.decode(codec.encode(data))


def fastavro_there_and_back(schema: Any, data: Any) -> Any:
    """Encode and decode one record with bare fastavro."""
    return fastavro_decode(schema, fastavro_encode(schema, data))


def best(works: Sequence[Callable[[], object]], events: int) -> list[float]:
    """Return the best microseconds an event of each work, over rounds in which they alternate."""
    found = [float("inf")] * len(works)
    times = EVENTS // events
    for _ in range(ROUNDS):
        for i, work in enumerate(works):
            started = time.perf_counter()
            for _ in range(times):
                work()
            found[i] = min(found[i], (time.perf_counter() - started) / (times * events) * 1e6)
    return found


def run() -> Report:
    """Measure all records once per call of each work."""
    load = jobs()
    ours = [(c.codec, data) for c, _, data in load]
    theirs = [(schema, data) for _, schema, data in load]
    bodies = [codec.encode(data) for codec, data in ours]
    blobs = [codec.encode_classes(data) for codec, data in ours]
    reading = [(codec.decode, body) for (codec, _), body in zip(ours, bodies, strict=True)]
    their_reading = [(schema, body) for (schema, _), body in zip(theirs, bodies, strict=True)]
    projecting = [
        (c.codec.project([f.name for f in c.fields if f.name in MODEL_FIELDS]), b)
        for (c, _, _), b in zip(load, blobs, strict=True)
    ]
    checking = [(c, data_to_json(c, data)) for c, _, data in load]
    widest = max(range(len(load)), key=lambda i: len(ours[i][1]))
    wide, wide_raw = best([lambda: there_and_back(*ours[widest]), lambda: fastavro_there_and_back(*theirs[widest])], 1)
    encode, raw_encode, decode, raw_decode, classes, project, check = best(
        [
            lambda: [codec.encode(data) for codec, data in ours],
            lambda: [fastavro_encode(schema, data) for schema, data in theirs],
            lambda: [read(body) for read, body in reading],
            lambda: [fastavro_decode(schema, body) for schema, body in their_reading],
            lambda: [codec.encode_classes(data) for codec, data in ours],
            lambda: [read(b) for read, b in projecting],
            lambda: [validate(c, data) for c, data in checking],
        ],
        len(load),
    )
    ratio = (encode + decode) / (raw_encode + raw_decode)
    figures = [
        Figure("encode + decode, time against fastavro", round(ratio, 3), "ratio", floor=1.0, better="lower"),
        Figure("encode + decode, widest record", wide, "us/event", better="lower", raw=wide_raw),
        Figure("encode", encode, "us/event", better="lower", raw=raw_encode),
        Figure("decode", decode, "us/event", better="lower", raw=raw_decode),
        Figure("encode in classes", classes, "us/event", better="lower", raw=raw_encode),
        Figure("project a model's fields", project, "us/event", better="lower", raw=raw_decode),
        Figure("validate (JSON to typed)", check, "us/event", better="lower"),
    ]
    fields = sum(len(data) for _, data in ours) / len(ours)
    return Report(
        "codec",
        {
            "contracts": len(load),
            "fields a record": round(fields, 1),
            "fields of the widest": len(ours[widest][1]),
            "bytes a record": round(sum(map(len, bodies)) / len(bodies)),
            "rounds": ROUNDS,
        },
        figures,
    )
