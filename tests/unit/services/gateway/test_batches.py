"""Batches over HTTP in every form: what passes is durable, what does not is told with every fault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from schemas.clock import ManualClock
from services.gateway.app import Gateway, create_app
from services.gateway.limits import SourceLimits
from services.gateway.source import SourceTable
from tests.unit.schemas.test_container import record, written
from tests.unit.services.gateway.client import Client, client_of
from tests.unit.services.gateway.conftest import FINES, House, fine
from tests.unit.services.gateway.test_app import LIMITS, FakeTokens

ARRAY = {"content-type": "application/cloudevents-batch+json"}
AVRO = {"content-type": "application/avro"}


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """A client of the fines system."""
    with client_of(create_app(Gateway(house.door, FakeTokens(), house.clock, LIMITS)), "fines") as ready:
        yield ready


def test_an_array_is_a_batch(client: Client) -> None:
    """Each element's own bytes are what its receipt names, white space and all."""
    first, bad = '{ "specversion": "1.0",' + json.dumps(fine())[22:], json.dumps(fine(2, data__amount_cents="x"))

    answer = client.post("/v1/events", content=f"[{first},\n {bad}, 7]", headers=ARRAY).json()

    assert (answer["accepted"], answer["quarantined"], answer["refused"]) == (1, 1, 1)
    assert [result["line"] for result in answer["results"]] == [1, 2, 3]
    assert answer["results"][0]["receipt"]["statement"]["body"] == hashlib.sha256(first.encode()).hexdigest()
    assert answer["results"][1]["faults"][0]["path"] == "$.data.amount_cents"


@pytest.mark.parametrize("body", ["{}", "[", "", "[1,]", "[" * 100_000])
def test_what_is_no_array_is_refused_whole(client: Client, body: str) -> None:
    """Coded, with what to do."""
    answer = client.post("/v1/events", content=body[:19_000], headers=ARRAY)

    assert (answer.status_code, answer.json()["code"]) == (400, "gateway.not_array")


@pytest.mark.parametrize("media", ["application/avro", "avro/binary", "application/vnd.apache.avro"])
def test_a_container_file_is_a_batch(client: Client, house: House, media: str) -> None:
    """Accepted and refused side by side; the receipt names the record's own bytes in the file."""
    good, bad = record(1), {**record(2), "district": "980100"}

    answer = client.post("/v1/events", content=written([good, bad]), headers={"content-type": media})

    told = answer.json()
    assert (answer.status_code, told["accepted"], told["refused"]) == (207, 1, 1), told
    assert told["results"][1]["code"] == "gateway.district_not_registered"
    assert house.log.of("publish")


def test_json_and_avro_of_one_event_are_one_event(client: Client) -> None:
    """The second is a repetition, whatever form it comes in."""
    file = written([record(1)])
    said = {
        "specversion": "1.0",
        "type": "traffic.fine.created",
        **{k: v for k, v in record(1).items() if k not in {"flags", "data"}},
        "time": "2025-03-05T01:30:00Z",
    }
    data = {k: v for k, v in record(1)["data"].items() if v is not None}

    first = client.post("/v1/events", content=file, headers=AVRO).json()
    second = client.post("/v1/events", json={**said, "data": data}).json()

    assert (first["accepted"], second["status"]) == (1, "repeated"), second


def test_a_hostile_container_is_refused_and_counted(client: Client) -> None:
    """Torn, of a foreign schema, over the number of events: a code, and nobody else is hindered."""
    whole = written([record(n) for n in range(25)])
    answers = [
        client.post("/v1/events", content=body, headers=AVRO)
        for body in (
            written([record(1)])[:-20],
            b"Obj\x01",
            b"",
            whole,
            written([record(1)]).replace(b"Submission", b"Submissiom"),
        )
    ]
    after = client.post("/v1/events", json=fine())

    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (400, "container.malformed"),
        (400, "container.malformed"),
        (400, "container.malformed"),
        (413, "container.too_large"),
        (422, "container.schema"),
    ]
    assert after.status_code == 202
    assert 'casebus_gateway_turned_away_total{code="container.malformed"} 3.0' in client.get("/metrics").text


def test_a_source_over_its_rate_waits(house: House) -> None:
    """429 with Retry-After, counted by code; the bucket fills by the machine's clock, not by the node's."""
    slow = replace(FINES, limits=SourceLimits(rate=2, burst=3))
    house.door.sources = SourceTable([slow])
    machine = ManualClock(0)
    with client_of(create_app(Gateway(house.door, FakeTokens(), house.clock, machine=machine)), "fines") as client:
        lines = "\n".join(json.dumps(fine(n)) for n in range(5))
        batch = client.post("/v1/events", content=lines, headers={"content-type": "application/x-ndjson"})
        refused = client.post("/v1/events", json=fine(9))
        machine.advance_to(2_000_000)
        again = client.post("/v1/events", json=fine(9))
        metrics = client.get("/metrics").text

    assert (batch.status_code, refused.status_code, again.status_code) == (202, 429, 202)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("gateway.rate", "2")
    assert 'casebus_gateway_turned_away_total{code="gateway.rate"} 1.0' in metrics


def test_a_source_has_its_own_size_limit(house: House) -> None:
    """Narrower than the gateway's: 413, and counted."""
    house.door.sources = SourceTable([replace(FINES, limits=SourceLimits(body=1024))])
    with client_of(create_app(Gateway(house.door, FakeTokens(), house.clock)), "fines") as client:
        answer = client.post("/v1/events", json=fine(1, data__officer="x" * 2000))
        metrics = client.get("/metrics").text

    assert (answer.status_code, answer.json()["code"]) == (413, "gateway.too_large")
    assert 'casebus_gateway_turned_away_total{code="gateway.too_large"} 1.0' in metrics
