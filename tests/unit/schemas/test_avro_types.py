"""The normal form of types: what is taken, what is refused, and that named types are defined once."""

from __future__ import annotations

import json
from typing import Any

import avro.schema
import pytest

from schemas.avro_types import TypeRefusedError, define_once, normalise

KEY = {"type": "fixed", "name": "casebus.types.Key", "size": 3}


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("string", "string"),
        ({"type": "string"}, "string"),
        (
            {"type": "long", "logicalType": "timestamp-micros", "doc": "x"},
            {"type": "long", "logicalType": "timestamp-micros"},
        ),
        (["null", {"type": "int", "logicalType": "date"}], ["null", {"type": "int", "logicalType": "date"}]),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "int"}),
        ({"type": "enum", "name": "E", "symbols": ["a"]}, {"type": "enum", "name": "casebus.x.E", "symbols": ["a"]}),
        ({"type": "fixed", "name": "o.F", "size": 2}, {"type": "fixed", "name": "o.F", "size": 2}),
        ("casebus.types.Key", KEY),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "int"]}]},
            {
                "type": "record",
                "name": "casebus.x.R",
                "fields": [{"name": "a", "type": ["null", "int"], "default": None}],
            },
        ),
    ],
)
def test_types_have_one_normal_form(raw: Any, normal: Any) -> None:
    """Attributes that mean nothing go, names become full, references are expanded."""
    assert normalise(raw, "casebus.x", {"casebus.types.Key": KEY}) == normal


@pytest.mark.parametrize(
    "raw",
    [
        "null",
        "Unknown",
        7,
        None,
        {},
        {"type": "map", "values": "int"},
        {"type": "long", "logicalType": "timestamp-millis"},
        {"type": "string", "logicalType": "uuid"},
        {"type": "enum", "name": "E", "symbols": []},
        {"type": "enum", "name": "E", "symbols": ["a", "a"]},
        {"type": "enum", "name": "E", "symbols": ["词"]},
        {"type": "enum", "name": "E", "symbols": [f"s{i}" for i in range(65)]},
        {"type": "enum", "name": "1E", "symbols": ["a"]},
        {"type": "fixed", "name": "F", "size": 0},
        {"type": "fixed", "name": "F", "size": True},
        {"type": "record", "name": "R", "fields": []},
        {"type": "record", "name": "R", "fields": [{"name": "A", "type": "int"}]},
        {"type": "record", "name": "R", "fields": ["a"]},
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": "a", "type": {"type": "record", "name": "R", "fields": []}}],
        },
    ],
)
def test_other_types_are_refused(raw: Any) -> None:
    """Maps, other logical types, recursion, unknown names and odd enums lie outside the conventions."""
    with pytest.raises(TypeRefusedError) as caught:
        normalise(raw, "casebus.x", {})

    assert not caught.value.null_first


@pytest.mark.parametrize(
    "raw", [["int"], ["int", "null"], ["null", "null"], ["null", "int", "string"], ["null", ["null", "int"]]]
)
def test_other_unions_are_refused_as_such(raw: Any) -> None:
    """A union is null and one type, null first."""
    with pytest.raises(TypeRefusedError) as caught:
        normalise(raw, "casebus.x", {})

    assert caught.value.null_first


def test_a_named_type_is_defined_at_its_first_use() -> None:
    """The second use is the name, also inside arrays and records, so that the reference implementation reads it."""
    inner = {"type": "record", "name": "x.R", "fields": [{"name": "k", "type": KEY}]}
    schema = {
        "type": "record",
        "name": "x.Top",
        "fields": [
            {"name": "a", "type": ["null", KEY]},
            {"name": "b", "type": {"type": "array", "items": inner}},
            {"name": "c", "type": inner},
        ],
    }

    once = define_once(schema)

    assert once["fields"][1]["type"]["items"]["fields"][0]["type"] == "casebus.types.Key"
    assert once["fields"][2]["type"] == "x.R"
    assert avro.schema.parse(json.dumps(once)).get_prop("name") == "Top"
