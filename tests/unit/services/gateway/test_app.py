"""The gateway over HTTP, without a network: statuses, coded errors, limits, and who sees what."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from schemas.instants import format_instant
from security.audit.errors import AuditPoisonedError
from services.gateway import models
from services.gateway.app import Gateway, create_app
from services.gateway.collector import Collector, Posting
from services.gateway.intake import Limits
from services.gateway.receipt import Receipt, verify
from tests.unit.services.gateway.client import Client, client_of
from tests.unit.services.gateway.conftest import FINES, LOW, NOW, House, fine

JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
LIMITS = Limits(body=20_000, event=2_000, events=20)


class FakeTokens:
    """Tokens that are the names of sources."""

    def who(self, token: str) -> str | None:
        """Return the source of a token."""
        return {"fines": FINES.id, "low": LOW.id, "gone": "nobody-990100/x"}.get(token)


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """A client of the gateway that holds the token of the fines system."""
    app = create_app(Gateway(house.door, FakeTokens(), house.clock, LIMITS))
    with client_of(app, "fines") as ready:
        yield ready


def post(client: Client, *events: Any, headers: dict[str, str] | None = None) -> Any:
    """Post one event as JSON, several as NDJSON."""
    if len(events) == 1:
        return client.post("/v1/events", content=json.dumps(events[0]), headers={**JSON, **(headers or {})})
    lines = "\n".join(e if isinstance(e, str) else json.dumps(e) for e in events)
    return client.post("/v1/events", content=lines, headers={**NDJSON, **(headers or {})})


def test_an_event_is_answered_with_its_receipt(client: Client, house: House) -> None:
    """202 means durable; the receipt verifies against the very bytes that were sent."""
    body = json.dumps(fine()).encode()

    answer = client.post("/v1/events", content=body, headers={"content-type": "application/cloudevents+json"})

    told = models.PublishedModel.model_validate(answer.json())
    receipt = msgspec.convert(answer.json()["receipt"], Receipt)
    key = bytes.fromhex(client.get("/v1/receipt-key").json()["public_key"])
    assert (answer.status_code, told.status) == (202, "accepted")
    assert verify(receipt, key, body)
    assert house.bus.end("casebus.raw.traffic", 0) == 1


def test_both_parts_of_a_batch_are_reported(client: Client) -> None:
    """Each line has its end; empty lines say nothing."""
    answer = post(
        client, fine(1), "", "{not json", fine(2, data__amount_cents="x"), fine(1), json.dumps(fine(3)) + "\r"
    )

    told = models.BatchModel.model_validate(answer.json())
    assert answer.status_code == 207
    assert (told.accepted, told.repeated, told.refused, told.quarantined) == (2, 1, 1, 1)
    assert [(r.line, r.status) for r in told.results] == [
        (1, "accepted"),
        (3, "refused"),
        (4, "quarantined"),
        (5, "repeated"),
        (6, "accepted"),
    ]


def test_a_batch_that_passes_whole_is_202(client: Client) -> None:
    """Nothing to look after."""
    assert post(client, fine(1), fine(2)).status_code == 202


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (fine(id="1"), 400, "gateway.malformed"),
        (fine(source="court-990101/trial"), 403, "gateway.other_source"),
        (fine(type="traffic.fine.paid"), 403, "gateway.type_not_registered"),
        (fine(time="2099-01-01T00:00:00Z"), 422, "gateway.future"),
        (fine(data__amount_cents="x"), 422, "gateway.invalid"),
        (fine(type="traffic.fine.burnt"), 422, "gateway.unknown_type"),
        (fine(data__case_id="x" * 3_000), 413, "gateway.too_large"),
        (fine(data__x=[[[[[[[[]]]]]]]]), 413, "gateway.too_deep"),
    ],
)
def test_what_does_not_pass_has_a_status_and_a_code(client: Client, event: Any, status: int, code: str) -> None:
    """With message, hint and faults; both languages of each fault; no word is left open."""
    answer = post(client, event)

    told = models.RejectedModel.model_validate(answer.json())
    assert (answer.status_code, told.code) == (status, code)
    assert told.message
    assert told.hint
    assert told.faults
    assert "{" not in told.message + told.hint


def test_another_payload_under_the_same_id_is_409(client: Client) -> None:
    """The conflict lies among the dead letters, which its publisher sees."""
    post(client, fine())

    answer = post(client, fine(data__amount_cents=1))

    letters = models.LettersModel.model_validate(client.get("/v1/dead-letters").json())
    assert (answer.status_code, answer.json()["dead_letter"]) == (409, 0)
    assert [(letter.number, letter.code) for letter in letters.letters] == [(0, "gateway.conflict")]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 1_900, b"nonsense"])
def test_what_is_no_json_is_told_so(client: Client, body: bytes) -> None:
    """Any bytes get a coded answer, never a 500."""
    answer = client.post("/v1/events", content=body, headers=JSON)

    assert answer.status_code in {400, 413}
    assert answer.json()["code"] in {"gateway.not_json", "gateway.too_deep"}


@pytest.mark.parametrize(("media", "inside"), [("application/json", b"%s"), ("application/x-ndjson", b"%s\n%s\n")])
def test_a_name_that_stands_twice_is_refused(client: Client, media: str, inside: bytes) -> None:
    """A receipt names bytes; two readers could read two amounts in these."""
    said = msgspec.json.encode(fine())
    twice = said.replace(b'"amount_cents":', b'"amount_cents":1,"amount_cents":')
    assert twice != said

    answer = client.post("/v1/events", content=inside.replace(b"%s", twice), headers={"content-type": media})

    assert b"gateway.name_twice" in answer.content
    assert b"accepted" not in answer.content or answer.json()["accepted"] == 0


def test_answers_speak_the_language_of_the_client(client: Client) -> None:
    """Accept-Language decides about message and hint."""
    answer = post(client, fine(id="1"), headers={"accept-language": "zh-CN,zh;q=0.9"})

    assert answer.json()["message"] == "不是有效的 CloudEvents 1.0 事件"


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic fines", "Bearer gone"])
@pytest.mark.parametrize("path", ["/v1/dead-letters", "/v1/receipts/x"])
def test_without_a_valid_token_nothing_opens(client: Client, path: str, token: str) -> None:
    """401 with a hint; also for a token whose source is gone."""
    answer = client.get(path, headers={"authorization": token})

    assert (answer.status_code, answer.json()["code"]) == (401, "gateway.token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_publishing_needs_a_token_too(client: Client, house: House) -> None:
    """Before a byte of the body is looked at."""
    answer = post(client, fine(), headers={"authorization": "Bearer wrong"})

    assert answer.status_code == 401
    assert house.log.entries == []


def test_a_receipt_is_given_again_to_its_publisher_only(client: Client) -> None:
    """The same statement; 404 for another source and for nonsense."""
    first = post(client, fine()).json()["receipt"]

    again = client.get(f"/v1/receipts/{fine()['id']}")
    other = client.get(f"/v1/receipts/{fine()['id']}", headers={"authorization": "Bearer low"})

    assert again.json()["statement"] == first["statement"]
    assert (other.status_code, other.json()["code"]) == (404, "gateway.no_receipt")
    assert client.get("/v1/receipts/nonsense").status_code == 404


def test_marks_are_declared_and_capped(client: Client) -> None:
    """A heartbeat says now; `complete_to` is capped by the gateway's clock."""
    now = format_instant(NOW)

    past = client.post("/v1/marks", json={"complete_to": "2026-02-01T00:00:00+08:00"})
    future = client.post("/v1/marks", json={"complete_to": "2030-01-01T00:00:00Z"})
    beat = client.post("/v1/marks", json={"heartbeat": True})

    assert past.json() == {"source": FINES.id, "mark": "2026-01-31T16:00:00Z"}
    assert [future.json()["mark"], beat.json()["mark"]] == [now, now]


@pytest.mark.parametrize("body", [{}, {"heartbeat": True, "complete_to": "2026-01-01T00:00:00Z"}, {"complete_to": "x"}])
def test_a_mark_that_says_nothing_is_refused(client: Client, body: dict[str, Any]) -> None:
    """One of the two, and a time with zone."""
    answer = client.post("/v1/marks", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "gateway.mark")


def test_limits_of_a_request_are_413(client: Client) -> None:
    """Bytes, announced or not, and number of events."""
    big = b"x" * 20_001

    announced = client.post("/v1/events", content=big, headers=JSON)
    chunked = client.post("/v1/events", content=iter([big[:10_000], big]), headers=NDJSON)
    many = client.post("/v1/events", content="{}\n" * 21, headers=NDJSON)

    for answer in (announced, chunked, many):
        assert (answer.status_code, answer.json()["code"]) == (413, "gateway.too_large")


def test_other_content_types_are_415(client: Client) -> None:
    """Binary mode and forms are not taken, nor is anything compressed; plain bytes that say so are."""
    form = client.post("/v1/events", content="a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    packed = client.post("/v1/events", content=b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"})
    plain = client.post("/v1/events", json=fine(), headers={"content-encoding": "identity"})

    for answer in (form, packed):
        assert (answer.status_code, answer.json()["code"]) == (415, "gateway.media_type")
    assert plain.status_code == 202


def test_a_full_disk_is_a_coded_503(client: Client, house: House) -> None:
    """Nothing is acknowledged, the client hears when to come back, and then it passes."""
    house.log.failure = AuditPoisonedError(reason="ENOSPC")
    answer = post(client, fine())
    house.log.failure = None

    assert (answer.status_code, answer.json()["code"]) == (503, "gateway.disk_full")
    assert answer.headers["retry-after"] == "5"
    assert post(client, fine()).json()["status"] == "accepted"


def test_a_failure_of_ours_tells_nothing(client: Client, house: House) -> None:
    """An error nobody foresaw is a coded 500 without its text; the gateway goes on."""
    house.log.failure = RuntimeError("canary-4711")
    answer = post(client, fine())
    house.log.failure = None

    assert (answer.status_code, answer.json()["code"]) == (500, "casebus.internal")
    assert "canary" not in answer.text
    assert post(client, fine()).status_code == 202


def test_a_full_queue_is_429(house: House) -> None:
    """With Retry-After, counted; the room comes back."""
    limits = Limits(waiting=100)
    app = create_app(Gateway(house.door, FakeTokens(), house.clock, limits))
    with client_of(app, "fines") as client:
        answer = post(client, fine())
        metrics = client.get("/metrics").text

    assert (answer.status_code, answer.json()["code"]) == (429, "gateway.busy")
    assert answer.headers["retry-after"] == "1"
    assert "casebus_gateway_throttled_total 1.0" in metrics
    assert "casebus_gateway_waiting_events 0.0" in metrics


def test_health_and_metrics_are_open(client: Client) -> None:
    """No token, no secret."""
    post(client, fine())
    client.headers.pop("authorization")

    health = models.HealthModel.model_validate(client.get("/v1/health").json())
    metrics = client.get("/metrics").text

    assert (health.node, health.clock) == ("n1", format_instant(NOW))
    assert 'casebus_gateway_events_total{code="",outcome="accepted"} 1.0' in metrics


def test_wrong_paths_methods_and_parameters_are_coded(client: Client) -> None:
    """Everything the gateway answers has a code and a hint."""
    answers = [client.get("/v2"), client.put("/v1/events"), client.get("/v1/dead-letters?limit=many")]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (404, "casebus.not_found"),
        (405, "casebus.not_found"),
        (400, "gateway.query"),
    ]


def test_the_interface_is_described(client: Client) -> None:
    """Every route with its answers; every route but the open ones names the token."""
    document = client.get("/v1/openapi.json").json()

    routes = {path: next(iter(methods.values())) for path, methods in document["paths"].items()}
    assert sorted(routes) == [
        "/metrics",
        "/v1/check",
        "/v1/dead-letters",
        "/v1/dead-letters/{number}",
        "/v1/dead-letters/{number}/close",
        "/v1/dead-letters/{number}/redrive",
        "/v1/events",
        "/v1/health",
        "/v1/marks",
        "/v1/quality",
        "/v1/receipt-key",
        "/v1/receipts/{event_id}",
    ]
    assert {p for p, r in routes.items() if "security" not in r} == {"/metrics", "/v1/health", "/v1/receipt-key"}
    assert set(routes["/v1/events"]["responses"]) >= {
        "202",
        "207",
        "400",
        "401",
        "409",
        "413",
        "415",
        "422",
        "429",
        "503",
    }
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_requests_that_wait_share_one_commit(house: House) -> None:
    """While one commit is on its way to the disk the others gather, from several sources."""
    gate, sizes = threading.Event(), []
    accept_all = house.door.accept_all

    def slow(requests: Any) -> Any:
        sizes.append(len(requests))
        gate.wait(5)
        return accept_all(requests)

    house.door.accept_all = slow  # type: ignore[method-assign]

    async def run() -> list[int]:
        gateway = Gateway(house.door, FakeTokens(), house.clock)
        async with gateway.running():
            collector = gateway._collector
            assert isinstance(collector, Collector)
            posts = [collector.post(Posting(FINES, json.dumps(fine(n)).encode())) for n in range(20)]
            posts += [
                collector.post(Posting(LOW, json.dumps(fine(n, LOW.id, data__officer=None)).encode()))
                for n in range(20)
            ]
            tasks = [asyncio.create_task(post) for post in posts]
            await asyncio.sleep(0.05)
            gate.set()
            return [answer.status for answer in await asyncio.gather(*tasks)]

    assert asyncio.run(run()) == [202] * 40
    assert sum(sizes) == 40
    assert max(sizes) >= 20
