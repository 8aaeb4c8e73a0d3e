"""The generated codec against fastavro and the reference implementation, over every contract and beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import Contracts
from schemas.codec import Codec, DecodeError, UnencodableError
from schemas.contract import Contract
from tests.unit.schemas.random_records import random_records
from tests.unit.schemas.values import (
    Row,
    fastavro_bytes,
    fastavro_value,
    record_schema,
    records,
    reference_bytes,
    reference_value,
)

CONTRACTS = Contracts.load().all()
NAMES = [c.key for c in CONTRACTS]

WILD: list[Row] = [
    ("text", "string"),
    ("maybe_text", ["null", "string"]),
    ("raw", "bytes"),
    ("maybe_raw", ["null", "bytes"]),
    ("yes", "boolean"),
    ("maybe_yes", ["null", "boolean"]),
    ("small", "int"),
    ("large", "long"),
    ("maybe_large", ["null", "long"]),
    ("real", "double"),
    ("narrow", "float"),
    ("maybe_real", ["null", "double"]),
    ("at", {"type": "long", "logicalType": "timestamp-micros"}),
    ("maybe_at", ["null", {"type": "long", "logicalType": "timestamp-micros"}]),
    ("day", {"type": "int", "logicalType": "date"}),
    ("key", {"type": "fixed", "name": "tests.Key", "size": 5}),
    ("maybe_key", ["null", {"type": "fixed", "name": "tests.Key2", "size": 3}]),
    ("kind", {"type": "enum", "name": "tests.Kind", "symbols": ["a", "b", "c"]}),
    ("maybe_kind", ["null", {"type": "enum", "name": "tests.Kind2", "symbols": ["x", "y"]}]),
    ("texts", {"type": "array", "items": "string"}),
    ("maybe_texts", ["null", {"type": "array", "items": ["null", "string"]}]),
    ("grid", {"type": "array", "items": {"type": "array", "items": "long"}}),
    (
        "parts",
        {
            "type": "array",
            "items": {
                "type": "record",
                "name": "tests.Part",
                "fields": [
                    {"name": "no", "type": "int"},
                    {"name": "note", "type": ["null", "string"]},
                    {"name": "marks", "type": {"type": "array", "items": "boolean"}},
                ],
            },
        },
    ),
    (
        "one",
        ["null", {"type": "record", "name": "tests.One", "fields": [{"name": "v", "type": ["null", "int"]}]}],
    ),
]
WILD_SCHEMA = record_schema(WILD)
WILD_CODEC = Codec("wild/1", [WILD[:9], WILD[9:17], WILD[17:]])


def rows(contract: Contract) -> list[Row]:
    """The fields of a contract as rows."""
    return [(f.name, f.avro_type) for f in contract.fields]


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_every_contract_agrees_with_both_judges(contract: Contract) -> None:
    """The bytes of both judges, the record back again, and class blobs and slices that join to it."""
    for data in random_records(contract, 3):
        body = contract.codec.encode(data)
        blobs = contract.codec.encode_classes(data)

        assert body == fastavro_bytes(contract.schema, data) == reference_bytes(contract.schema, data)
        assert contract.codec.decode(body) == data == fastavro_value(contract.schema, body)
        assert b"".join(blobs) == body
        for label_class, blob in zip(contract.classes, blobs, strict=True):
            slices = contract.codec.slices(label_class.index, blob)
            names = [f.name for f in label_class.fields]
            assert list(slices) == names
            assert b"".join(slices.values()) == blob
            assert contract.codec.decode_class(label_class.index, blob) == {name: data[name] for name in names}


@settings(max_examples=50)
@given(draw=st.data())
def test_any_record_of_any_contract_agrees_with_both_judges(draw: st.DataObject) -> None:
    """The same for records that are searched for, not drawn from a list of edges."""
    contract = draw.draw(st.sampled_from(CONTRACTS))
    data = draw.draw(records(rows(contract)))

    body = contract.codec.encode(data)

    assert body == fastavro_bytes(contract.schema, data) == reference_bytes(contract.schema, data)
    assert contract.codec.decode(body) == data == reference_value(contract.schema, body)


@given(records(WILD))
def test_every_supported_type_equals_the_judges(data: dict[str, Any]) -> None:
    """Arrays, nested records, floats and every nullable form are written and read like the judges do."""
    body = WILD_CODEC.encode(data)

    assert body == fastavro_bytes(WILD_SCHEMA, data) == reference_bytes(WILD_SCHEMA, data)
    assert WILD_CODEC.decode(body) == data
    assert b"".join(WILD_CODEC.encode_classes(data)) == body


@given(records(WILD), st.sets(st.sampled_from([name for name, _ in WILD])), st.sets(st.integers(0, 2)))
def test_projection_reads_the_named_fields_of_the_classes_that_are_there(
    data: dict[str, Any], wanted: set[str], absent: set[int]
) -> None:
    """A projection equals picking from the decoded record; a class that is None leaves its fields out."""
    blobs = [None if i in absent else blob for i, blob in enumerate(WILD_CODEC.encode_classes(data))]
    gone = {name for index in absent for name, _ in WILD_CODEC.rows[index]}

    found = WILD_CODEC.project(frozenset(wanted))(blobs)

    assert found == {name: data[name] for name in wanted - gone}


@given(records(WILD))
def test_slices_of_every_type_join_to_the_blob(data: dict[str, Any]) -> None:
    """Cutting a blob into fields loses nothing, whatever the types."""
    for index, blob in enumerate(WILD_CODEC.encode_classes(data)):
        assert b"".join(WILD_CODEC.slices(index, blob).values()) == blob


@pytest.mark.parametrize("size", [8191, 8192, 100_000])
def test_long_texts_take_the_careful_path(size: int) -> None:
    """A text longer than the length table is encoded by the safe form, with the same bytes as the judges."""
    codec = Codec("long/1", [[("text", "string")], [("maybe", ["null", "string"])]])
    data = {"text": "字" * size, "maybe": "x" * size}

    assert codec.encode(data) == fastavro_bytes(
        record_schema([("text", "string"), ("maybe", ["null", "string"])]), data
    )
    assert b"".join(codec.encode_classes(data)) == codec.encode(data)
    assert codec.decode(codec.encode(data)) == data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 5),
        ("text", None),
        ("text", "\ud800"),
        ("raw", "text"),
        ("yes", "true"),
        ("small", 2**31),
        ("small", -(2**31) - 1),
        ("small", "5"),
        ("large", 2**63),
        ("large", -(2**63) - 1),
        ("large", 1.5),
        ("real", "x"),
        ("at", 2**63),
        ("at", "2025-01-01T00:00:00Z"),
        ("key", b"four"),
        ("key", "fives"),
        ("kind", "d"),
        ("kind", ["a"]),
        ("texts", [1]),
        ("texts", 7),
        ("parts", [{"no": 1}]),
        ("maybe_large", "1"),
    ],
)
def test_data_that_does_not_fit_is_refused_by_name(field: str, value: Any) -> None:
    """What cannot be encoded raises a coded error that names the field and not the value."""
    data = {**SAMPLE, field: value}

    with pytest.raises(UnencodableError) as caught:
        WILD_CODEC.encode(data)
    with pytest.raises(UnencodableError):
        WILD_CODEC.encode_classes(data)

    assert caught.value.fields == {"contract": "wild/1", "field": field}


def test_a_missing_field_is_refused_by_name() -> None:
    """A mandatory field that is absent is named; a nullable one counts as null."""
    data = {name: value for name, value in SAMPLE.items() if not name.startswith("maybe") and name != "one"}

    assert WILD_CODEC.decode(WILD_CODEC.encode(data)) == {**SAMPLE, "maybe_texts": None}
    with pytest.raises(UnencodableError) as caught:
        WILD_CODEC.encode({k: v for k, v in data.items() if k != "day"})
    assert caught.value.fields["field"] == "day"


def test_a_projection_of_an_unknown_field_is_refused() -> None:
    """A name the contract does not have raises instead of reading nothing."""
    with pytest.raises(UnencodableError) as caught:
        WILD_CODEC.project(["text", "nobody"])

    assert caught.value.fields["field"] == "nobody"


def test_a_projection_is_compiled_once() -> None:
    """The same set of names gives the same function, whatever their order."""
    assert WILD_CODEC.project(["text", "day"]) is WILD_CODEC.project(("day", "text"))


def outcome(read: Callable[[bytes], Any], body: bytes) -> str:
    """Read hostile bytes: `record`, or the code of the error; any other exception fails the test."""
    try:
        found = read(body)
    except DecodeError as error:
        return f"{error.code} {0 <= error.fields['offset'] <= len(body) + 10}"
    return "record" if isinstance(found, dict) else "nonsense"


OUTCOMES = {
    "record",
    *(f"codec.{what} True" for what in ("truncated", "length", "varint", "utf8", "symbol", "trailing")),
}


@given(st.binary(max_size=200))
def test_hostile_bytes_give_a_record_or_a_coded_error(body: bytes) -> None:
    """Whatever the bytes: a record, or a `DecodeError` with an offset inside them; never another exception."""
    for codec in (WILD_CODEC, *(c.codec for c in CONTRACTS[:6])):
        assert outcome(codec.decode, body) in OUTCOMES


@given(records(WILD), st.data())
def test_damaged_records_give_a_record_or_a_coded_error(data: dict[str, Any], draw: st.DataObject) -> None:
    """A record that is cut, lengthened or changed in one byte is refused with a code or read as another record."""
    body = bytearray(WILD_CODEC.encode(data))
    at = draw.draw(st.integers(0, len(body) - 1))
    body[at] = draw.draw(st.integers(0, 255))
    cut = bytes(body[: draw.draw(st.integers(0, len(body)))])
    project = WILD_CODEC.project(["text", "parts", "day"])

    for hostile in (bytes(body), cut, bytes(body) + b"\x00"):
        assert outcome(WILD_CODEC.decode, hostile) in OUTCOMES
        assert outcome(lambda b: WILD_CODEC.slices(2, b), hostile) in OUTCOMES
        assert outcome(lambda b: project([b, b, b]), hostile) in OUTCOMES


@pytest.mark.parametrize(
    ("rows_", "body", "code"),
    [
        ([("x", "string")], "", "codec.truncated"),
        ([("x", "string")], "04 61", "codec.length"),
        ([("x", "string")], "01", "codec.length"),
        ([("x", "string")], "fe ff ff ff ff ff ff ff ff 01", "codec.length"),
        ([("x", "string")], "ff ff ff ff ff ff ff ff ff 01", "codec.length"),
        ([("x", "string")], "02 ff", "codec.utf8"),
        ([("x", "string")], "02 61 00", "codec.trailing"),
        ([("x", "bytes")], "80", "codec.truncated"),
        ([("x", "int")], "80 80 80 80 10", "codec.varint"),
        ([("x", "long")], "ff ff ff ff ff ff ff ff ff 02", "codec.varint"),
        ([("x", "long")], "80 80 80 80 80 80 80 80 80 80 01", "codec.varint"),
        ([("x", "boolean")], "02", "codec.symbol"),
        ([("x", ["null", "int"])], "04 02", "codec.symbol"),
        ([("x", {"type": "enum", "name": "E", "symbols": ["a"]})], "02", "codec.symbol"),
        ([("x", {"type": "enum", "name": "E", "symbols": ["a"]})], "01", "codec.symbol"),
        ([("x", {"type": "fixed", "name": "F", "size": 3})], "00 00", "codec.truncated"),
        ([("x", "double")], "00 00 00", "codec.truncated"),
        ([("x", {"type": "array", "items": "string"})], "fe ff ff ff 0f", "codec.length"),
        ([("x", {"type": "array", "items": "string"})], "02 02 61", "codec.truncated"),
        ([("x", {"type": "array", "items": "string"})], "01 7f 02 61 00", "codec.length"),
    ],
)
def test_each_damage_has_its_code(rows_: list[Row], body: str, code: str) -> None:
    """Truncation, wrong lengths, wrong symbols, large numbers and left-over bytes are told apart."""
    with pytest.raises(DecodeError) as caught:
        Codec("x/1", [rows_]).decode(bytes.fromhex(body))

    assert caught.value.code == code
    assert caught.value.fields["contract"] == "x/1"


@given(records(WILD))
def test_a_view_of_a_buffer_is_read_like_bytes(data: dict[str, Any]) -> None:
    """A memoryview decodes to the same values, and what comes out does not hold on to the buffer."""
    found = WILD_CODEC.decode(memoryview(WILD_CODEC.encode(data)))

    assert found == data
    assert type(found["raw"]) is type(found["key"]) is bytes


def test_array_blocks_of_other_writers_are_read() -> None:
    """Several blocks, and blocks with a byte size before them, are one array."""
    codec = Codec("x/1", [[("x", {"type": "array", "items": "int"})]])

    assert codec.decode(bytes.fromhex("02 02 03 04 04 06 00")) == {"x": [1, 2, 3]}


def test_a_huge_count_takes_no_memory() -> None:
    """A count that the buffer cannot hold is refused before anything is read."""
    codec = Codec("x/1", [[("x", {"type": "array", "items": {"type": "array", "items": "int"}})]])

    with pytest.raises(DecodeError) as caught:
        codec.decode(bytes.fromhex("fe ff ff ff ff ff ff ff ff 01"))

    assert caught.value.code == "codec.length"


def test_slices_past_the_end_are_refused() -> None:
    """Skipping a fixed or a double past the end of the blob is a truncation, not a short slice."""
    codec = Codec("x/1", [[("f", {"type": "fixed", "name": "F", "size": 4})]])

    with pytest.raises(DecodeError) as caught:
        codec.slices(0, b"\x00\x00")

    assert caught.value.code == "codec.truncated"


SAMPLE: dict[str, Any] = {
    "text": "t",
    "maybe_text": None,
    "raw": b"r",
    "maybe_raw": None,
    "yes": True,
    "maybe_yes": None,
    "small": 1,
    "large": 2,
    "maybe_large": None,
    "real": 0.5,
    "narrow": 0.5,
    "maybe_real": None,
    "at": 1_740_000_000_000_000,
    "maybe_at": None,
    "day": 20_000,
    "key": b"12345",
    "maybe_key": None,
    "kind": "a",
    "maybe_kind": None,
    "texts": ["x"],
    "maybe_texts": None,
    "grid": [[1], []],
    "parts": [{"no": 1, "note": None, "marks": [True]}],
    "one": None,
}
