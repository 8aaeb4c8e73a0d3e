"""Receivers at the gateway: pages and streams over real HTTP, from a node that released a small city."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from security.audit.checkpoint import VerifierKey
from security.audit.policy import Policy
from security.audit.reading import read
from security.audit.released import released
from security.audit.terms import Question
from security.views import read_view
from services.auditor.progress import with_progress
from services.auditor.search import Searcher
from services.gateway.app import Gateway, create_app
from services.gateway.exchange import add_error_handlers
from services.gateway.readers import Readers
from services.gateway.receiving import Receiving
from services.gateway.receiving_api import receiving_router
from services.gateway.view_stream import PER_SUBSCRIPTION, Streams
from services.node.tokens import issue_to_subscription, withdraw_from_subscription
from streams.bus.port import Record
from streams.view_topic import ViewReceiver
from tests.house.tree import ROOT
from tests.integration.serving import serving
from tests.interop.reading_node import EXECUTION as MINE
from tests.interop.reading_node import FILING as OTHERS
from tests.interop.reading_node import ReadingNode, released_city, served

pytestmark = pytest.mark.timeout(90)

TOPIC = f"casebus.view.{MINE}"
EVENTS = f"/v1/subscriptions/{MINE}/events"
STREAM = f"/v1/subscriptions/{MINE}/stream"


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingNode]:
    """A node with a released city, on loopback."""
    node = released_city(tmp_path_factory.mktemp("node") / "data", cases=40)
    assert node.bus.end(TOPIC, 0) > 9
    with served(node) as running:
        yield running
    node.close()


def receiver_of(reading: ReadingNode) -> ViewReceiver:
    """Return the subscription's receiver."""
    return next(r for r in reading.node.receivers if isinstance(r, ViewReceiver) and r.subscription == MINE)


def copied(reading: ReadingNode, offset: int) -> Record:
    """Return a view of the topic as it would be appended again."""
    stored = reading.node.bus.read(TOPIC, 0, offset, 1)[0]
    return Record(stored.key, stored.value, stored.headers)


def pulls(reading: ReadingNode) -> list[Any]:
    """Return the audit records of reading."""
    found = read(reading.node.data.audit)
    return [each.record for each in found if each.record.act == "pull" and each.record.obj == MINE]


def streamed(client: httpx.Client, wanted: int, last: int = -1, form: str = "json") -> list[dict[str, Any]]:
    """Return the first `wanted` views of a stream."""
    found: list[dict[str, Any]] = []
    with client.stream("GET", STREAM, params={"form": form}, headers={"Last-Event-ID": str(last)}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) >= wanted:
                break
    return found


def test_pages_give_every_view_once_and_each_is_on_record_first(reading: ReadingNode) -> None:
    """Page by page the whole topic; every page has its `pull` record, which covers exactly what it gave."""
    before, offsets, after = len(pulls(reading)), [], -1
    with reading.client(MINE) as client:
        while True:
            page = client.get(EVENTS, params={"after": after, "limit": 7}).raise_for_status().json()
            offsets += [event["offset"] for event in page["events"]]
            if page["next"] == after:
                break
            after = page["next"]

    stored = reading.node.bus.read(TOPIC, 0, 0, 10_000)
    assert offsets == [each.offset for each in stored]
    told = pulls(reading)[before:]
    assert [n for r in told for n in range(r.off, r.data["last"] + 1)] == offsets
    assert {(r.org, r.purpose, r.data["way"]) for r in told} == {("court-990103", "sentence-execution", "page")}


def test_a_release_is_found_with_its_reading_and_its_acknowledgement(reading: ReadingNode, tmp_path: Path) -> None:
    """Over HTTP: fetched page by page, acknowledged; the log then answers for one event by which records, proved."""
    with reading.client(MINE) as client:
        page = client.get(EVENTS, params={"limit": 9}).raise_for_status().json()
        through = page["events"][-1]["offset"]
        said = client.post(f"/v1/subscriptions/{MINE}/acknowledgements", json={"through": through})
        beyond = client.post(f"/v1/subscriptions/{MINE}/acknowledgements", json={"through": page["end"]})
    reading.node.audit.checkpoint()
    audit = reading.node.data.audit
    policy = Policy.of_key(VerifierKey.parse((audit / "log.vkey").read_text(encoding="utf-8")))
    event = uuid.UUID(page["events"][4]["id"]).hex
    with Searcher.open(audit, policy, tmp_path / "index.db") as searcher:
        question = Question(event=(event,), act=("release",), sub=(MINE,))
        releases = released((hit.record for hit in searcher.search(question).hits), (event,))
        (told,) = with_progress(searcher, releases)

    assert said.json()["through"] >= through
    assert (beyond.status_code, beyond.json()["code"]) == (422, "subscription.beyond_end")
    assert told["fetched"]["offset"] == page["events"][4]["offset"]
    assert told["acknowledged"]["through"] >= told["fetched"]["offset"]
    assert told["reached"]["through"] >= through
    acts = [each.record for each in read(audit) if each.record.act == "ack" and each.record.obj == MINE]
    assert (acts[-1].org, acts[-1].off) == ("court-990103", said.json()["through"])


def test_what_is_given_is_what_release_put_on_the_topic(reading: ReadingNode) -> None:
    """The avro form is the topic's bytes and opens with the receiver's key; the json form has the open fields alone."""
    stored = reading.node.bus.read(TOPIC, 0, 0, 20)
    with reading.client(MINE) as client:
        exact = client.get(EVENTS, params={"form": "avro", "limit": 20}).json()["events"]
        plain = client.get(EVENTS, params={"limit": 20}).json()["events"]

    assert [base64.b64decode(event["data_base64"]) for event in exact] == [each.value for each in stored]
    sealed = 0
    for event, each in zip(plain, stored, strict=True):
        event_id = bytes.fromhex(event["id"].replace("-", ""))
        opened = read_view(each.value, reading.node.views, reading.keys[MINE], event_id)
        assert set(event["data"]) <= set(opened)
        sealed += event["sealed"]
        assert event["manifest"].startswith("demo/")
    assert sealed > 0


def test_a_stream_goes_on_after_the_last_event_id(reading: ReadingNode) -> None:
    """Broken off and taken up again: the same views as in one go, none twice, none missing."""
    with reading.client(MINE) as client:
        whole = streamed(client, 9)
        first = streamed(client, 4)
        rest = streamed(client, 5, last=first[-1]["offset"])

    assert first + rest == whole


def test_a_stream_gives_what_is_released_while_it_is_open(reading: ReadingNode) -> None:
    """A view that release puts on the topic arrives without another request."""
    end = reading.node.bus.end(TOPIC, 0)
    record = copied(reading, end - 1)
    with reading.client(MINE) as client, client.stream("GET", STREAM, params={"after": end - 1}) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry: ")
        reading.node.bus.append(TOPIC, 0, [record])
        told = next(line for line in lines if line.startswith("id: "))

    assert told == f"id: {end}"


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (lambda _: "", 401, "gateway.token"),
        (lambda r: r.tokens[OTHERS], 403, "subscription.not_yours"),
        (lambda r: r.publisher, 403, "subscription.not_yours"),
    ],
)
def test_only_its_own_token_reads_a_subscription(
    reading: ReadingNode, token: Callable[[ReadingNode], str], status: int, code: str
) -> None:
    """No token, another receiver's, a publisher's: refused, on record where it is known who asked."""
    headers = {"authorization": f"Bearer {token(reading)}"} if token(reading) else {}
    with httpx.Client(base_url=reading.url, headers=headers, trust_env=False) as client:
        for path in (EVENTS, STREAM, f"/v1/subscriptions/{MINE}"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (status, code)

    refused = [e.record for e in read(reading.node.data.audit) if e.record.act == "refuse" and e.record.why == code]
    assert len(refused) >= (3 if status == 403 else 0)


def test_a_receivers_token_publishes_nothing(reading: ReadingNode) -> None:
    """What reads views opens no door to the other side."""
    with reading.client(MINE) as client:
        answer = client.post("/v1/marks", json={"heartbeat": True})

    assert (answer.status_code, answer.json()["code"]) == (401, "gateway.token")


def test_a_hold_and_a_revoked_token_end_an_open_stream(reading: ReadingNode) -> None:
    """What was released before is given no more either: the stream ends with the reason, a new request is refused."""
    receiver = receiver_of(reading)
    app = short_streams(reading)
    token = issue_to_subscription(reading.node, MINE)
    with serving(app) as url, httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}) as client:
        with client.stream("GET", STREAM) as answer:
            lines = answer.iter_lines()
            next(line for line in lines if line.startswith("id: "))
            receiver.held = True
            try:
                assert ended(lines) == "subscription.held"
                assert client.get(EVENTS).json()["code"] == "subscription.held"
            finally:
                receiver.held = False
        with client.stream("GET", STREAM) as answer:
            lines = answer.iter_lines()
            next(line for line in lines if line.startswith("id: "))
            withdraw_from_subscription(reading.node, MINE)
            assert ended(lines) == "gateway.token"
    reading.tokens[MINE] = issue_to_subscription(reading.node, MINE)


def test_a_client_that_does_not_read_is_cut_off_and_bounded(reading: ReadingNode) -> None:
    """Streams that nobody reads hold few views, leave after the stall, and others are told that there are too many."""
    many = 12_000
    big = [copied(reading, 0)] * many
    reading.node.bus.append("casebus.view.copy", 0, big)
    streams: list[Streams] = []
    app = short_streams(reading, streams, long=True)
    headers = {"authorization": f"Bearer {reading.tokens[MINE]}"}
    before = len(pulls(reading))
    with serving(app) as url:
        sleepers = [asleep(url, reading.tokens[MINE]) for _ in range(PER_SUBSCRIPTION)]
        awaited(lambda: streams[0].count == PER_SUBSCRIPTION)
        refused = httpx.get(f"{url}{STREAM}", headers=headers, trust_env=False)
        awaited(lambda: streams[0].count == 0)
        for sleeper in sleepers:
            sleeper.close()

    assert (refused.status_code, refused.json()["code"]) == (429, "subscription.too_many_streams")
    assert int(refused.headers["retry-after"]) > 0
    read_ahead = sum(record.data["count"] for record in pulls(reading)[before:])
    assert 0 < read_ahead < PER_SUBSCRIPTION * many


def asleep(url: str, token: str) -> socket.socket:
    """Ask for a stream and read nothing of it."""
    host, _, port = url.removeprefix("http://").partition(":")
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.connect((host, int(port)))
    sleeper.sendall(f"GET {STREAM} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode())
    return sleeper


def awaited(done: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_heartbeats_are_comments(reading: ReadingNode) -> None:
    """While nothing is released, comments keep the connection; they are no events."""
    app = short_streams(reading)
    headers = {"authorization": f"Bearer {reading.tokens[MINE]}"}
    end = reading.node.bus.end(TOPIC, 0)
    with (
        serving(app) as url,
        httpx.Client(base_url=url, headers=headers, trust_env=False) as client,
        client.stream("GET", STREAM, params={"after": end}) as answer,
    ):
        lines = [line for line, _ in zip(answer.iter_lines(), range(6), strict=False) if line]

    assert lines[0].startswith("retry: ")
    assert len(lines) > 2
    assert all(line.startswith(": ") for line in lines[1:])


def test_the_example_subscriber_and_the_command_open_the_sealed_part(reading: ReadingNode, tmp_path: Path) -> None:
    """As the documents say: the example follows, the command reads to the end; both open what is sealed."""
    (tmp_path / "token").write_text(reading.tokens[MINE], encoding="utf-8")
    (tmp_path / "key").write_text(reading.keys[MINE].key.hex(), encoding="utf-8")
    files = [str(tmp_path / "token"), str(tmp_path / "key")]
    command = [sys.executable, "-m", "services.cli.app", "subscribe", reading.url, MINE, "--json"]
    command += ["--token-file", files[0], "--key-file", files[1]]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    example = subprocess.Popen(
        [sys.executable, "examples/subscriber.py", reading.url, MINE, *files],
        cwd=ROOT,
        env={"PYTHONPATH": ".", "PATH": "", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert example.stdout is not None
    lines = [example.stdout.readline() for _ in range(5)]
    example.kill()
    example.wait()
    example.stdout.close()

    assert done.returncode == 0, done.stderr
    events = json.loads(done.stdout)["events"]
    assert len(events) == reading.node.bus.end(TOPIC, 0)
    assert not any(event["sealed"] for event in events)
    assert any("person" in event["data"] for event in events)
    assert all("'_sealed': False" in line for line in lines), lines


def ended(lines: Iterator[str]) -> str:
    """Return the code with which a stream ends."""
    for line in lines:
        if line == "event: end":
            return str(json.loads(next(lines).removeprefix("data: "))["code"])
    return "no end"


def short_streams(reading: ReadingNode, kept: list[Streams] | None = None, *, long: bool = False) -> FastAPI:
    """Make an application whose streams have short patience; `long` lets the subscription read a long copy."""
    node = reading.node
    held = {MINE: receiver_of(reading)}
    bus: Any = _Renamed(node.bus) if long else node.bus
    receiving = Receiving(bus, node.audit, node.clock, lambda: held, lambda: node.control.epoch)
    streams = Streams(receiving, node.views, lambda: False, heartbeat=0.2, stall=0.5)
    if kept is not None:
        kept.append(streams)
    readers = Readers(node.tokens, node.sources, lambda: {MINE: held[MINE].principal})
    app = create_app(Gateway(node.door, node.tokens, node.clock))
    app.include_router(receiving_router(receiving, streams, readers, node.views))
    add_error_handlers(app)
    return app


class _Renamed:
    """A bus that shows another topic under the subscription's name."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Any:
        """Read the copy."""
        del topic
        return self._bus.read("casebus.view.copy", partition, offset, limit)

    def end(self, topic: str, partition: int) -> int:
        """Return the end of the copy."""
        del topic
        return int(self._bus.end("casebus.view.copy", partition))
