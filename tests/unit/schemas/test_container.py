"""Container files: read without trust, within limits, and only in the publisher's form of a known contract."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import Contracts
from schemas.cloudevents import data_to_json
from schemas.codec.varint import encode_long
from schemas.container import (
    MAGIC,
    ContainerCodecError,
    ContainerError,
    ContainerSchemaError,
    ContainerSizeError,
    read_container,
)
from schemas.errors import CasebusError
from schemas.examples import example
from schemas.submission import Forms, schema_of

CONTRACTS = Contracts.load()
FINE = CONTRACTS.by_type("traffic.fine.created")
FORMS = Forms(CONTRACTS)
ROOM = 1 << 20


def record(number: int, contract: Any = FINE) -> dict[str, Any]:
    """Return a record of the publisher's form."""
    event = example(contract)
    return {
        "id": f"019ca1b2-3c4d-7e5f-8a6b-{number:012x}",
        "source": "roadpolice-IT/fines",
        "time": event.occurred_at,
        "district": "990100",
        "sequence": str(number),
        "flags": [],
        "data": {field.name: event.data[field.name] for field in contract.fields},
    }


def written(records: list[dict[str, Any]], contract: Any = FINE, codec: str = "null") -> bytes:
    """Write a file as a publisher would, by another implementation."""
    out = io.BytesIO()
    schema = fastavro.parse_schema(json.loads(json.dumps(schema_of(contract))))
    fastavro.writer(out, schema, records, codec=codec, sync_interval=400)
    return out.getvalue()


def decoded(body: bytes) -> list[dict[str, Any]]:
    """Read every event of a file."""
    container = read_container(body, 1000)
    form = FORMS.find(container.schema)
    found = []
    for count, data in container.contents(ROOM):
        at = 0
        for _ in range(count):
            said, at = form.codec.decode_from(data, at)
            found.append(form.said(said))
        if at != len(data):
            raise ContainerError(offset=at)
    return found


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_a_file_of_another_implementation_is_read(codec: str) -> None:
    """Every record of every block, as the CloudEvent it stands for."""
    events = decoded(written([record(n) for n in range(20)], codec=codec))

    assert [event["sequence"] for event in events] == [str(n) for n in range(20)]
    assert (events[0]["type"], events[0]["time"]) == ("traffic.fine.created", "2025-03-05T01:30:00Z")


def test_every_contract_has_its_form() -> None:
    """What fastavro writes in the form of any contract is found by its schema and read to the same data."""
    for contract in CONTRACTS.all():
        event = decoded(written([record(1, contract)], contract))[0]
        data = {name: value for name, value in event["data"].items() if isinstance(value, str | bool)}
        expected = data_to_json(contract, example(contract).data)
        assert event["type"] == contract.type
        assert {n: v for n, v in data.items() if expected.get(n) != v} == {}, contract.key


def test_a_bomb_is_not_inflated() -> None:
    """A few kilobytes of deflate that stand for a hundred megabytes stop at the limit."""
    bomb = zlib.compress(bytes(100 << 20), 9)[2:-4]
    body = written([record(1)], codec="deflate")
    head = body[: body.rindex(body[-16:], 0, len(body) - 16) + 16]
    hostile = head + encode_long(1) + encode_long(len(bomb)) + bomb + head[-16:]

    with pytest.raises(ContainerSizeError):
        list(read_container(hostile, 10).contents(ROOM))


def test_more_records_than_allowed_are_refused_unread() -> None:
    """The count that a block announces is enough."""
    with pytest.raises(ContainerSizeError):
        read_container(written([record(n) for n in range(20)]), 19)


@pytest.mark.parametrize(
    "schema", [b"", b"[", b'"string"', b'{"type": "record"}', b"[" * 100_000, json.dumps(FINE.schema).encode()]
)
def test_a_foreign_schema_is_refused(schema: bytes) -> None:
    """Broken, deep, or of a record that is not the publisher's form."""
    with pytest.raises(ContainerSchemaError):
        FORMS.find(schema)


def test_an_unknown_compression_is_named() -> None:
    """Nothing is guessed."""
    meta = encode_long(1) + encode_long(10) + b"avro.codec" + encode_long(6) + b"snappy" + encode_long(0)

    with pytest.raises(ContainerCodecError):
        read_container(MAGIC + meta + bytes(16), 1)


@given(st.data())
def test_damaged_files_are_refused_with_a_code(data: st.DataObject) -> None:
    """Any byte changed, any tail lost: read, or a coded error, never another exception."""
    body = bytearray(written([record(n) for n in range(3)], codec=data.draw(st.sampled_from(["null", "deflate"]))))
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    torn = bytes(body[: data.draw(st.integers(0, len(body)))])

    for hostile in (bytes(body), torn):
        code = ""
        try:
            decoded(hostile)
        except CasebusError as error:
            code = error.code
        assert code.split(".")[0] in {"", "container", "codec"}


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    """Whatever follows the magic."""
    with pytest.raises((ContainerError, ContainerSizeError, ContainerCodecError, ContainerSchemaError)):
        FORMS.find(read_container(MAGIC + noise, 10).schema)
