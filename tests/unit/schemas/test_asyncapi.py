"""The AsyncAPI document against the official JSON Schema of AsyncAPI 3.0.0.

`asyncapi-3.0.0.schema.json.gz` is `schemas/3.0.0-without-$id.json` of the npm package @asyncapi/specs 6.11.1
(Apache-2.0, AsyncAPI Initiative), unchanged but for white space.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import avro.schema
import jsonschema

from schemas.asyncapi import asyncapi
from schemas.catalogue import Contracts

CONTRACTS = Contracts.load()
DOCUMENT: dict[str, Any] = json.loads(json.dumps(asyncapi(CONTRACTS, "2025.1")))
OFFICIAL = json.loads(gzip.decompress((Path(__file__).parent / "asyncapi-3.0.0.schema.json.gz").read_bytes()))


def faults(document: Any) -> list[str]:
    """Where the official schema disagrees."""
    return [str(list(error.absolute_path)) for error in jsonschema.Draft7Validator(OFFICIAL).iter_errors(document)]


def test_the_official_schema_accepts_the_document() -> None:
    """Every message, its Avro schema included."""
    assert faults(DOCUMENT) == []


def test_the_official_schema_can_refuse() -> None:
    """A message whose Avro is none, and an unknown key, are seen: the check above is no formality."""
    broken = json.loads(json.dumps({**DOCUMENT, "components": {"messages": {}}}))
    broken["components"]["messages"]["x"] = {
        "payload": {"schemaFormat": "application/vnd.apache.avro+json;version=1.9.0", "schema": {"type": "record"}}
    }

    assert faults(broken)
    assert faults({**DOCUMENT, "colour": "red"})


def test_every_event_type_is_a_message_with_readable_avro() -> None:
    """The schemas are what the reference implementation reads under the same full name."""
    messages = DOCUMENT["components"]["messages"]

    assert set(messages) == set(CONTRACTS.types())
    for event_type, message in messages.items():
        parsed = avro.schema.parse(json.dumps(message["payload"]["schema"]))
        assert f"{parsed.get_prop('namespace')}.{parsed.get_prop('name')}" == CONTRACTS.by_type(event_type).fullname
