"""The gateway as publishers meet it: a real server on loopback, a real audit log, keystore, token file and bus."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from schemas.catalogue import Contracts
from schemas.clock import SystemClock
from schemas.event import derived_id, sequence_of
from security.audit.log import AuditLog
from security.audit.reading import read
from security.batch import unpack
from security.identity.tokens import SourceTokens
from security.keys.file import FileKeystore
from security.sealing import Sealer
from services.gateway.app import Gateway, create_app
from services.gateway.door import Door
from services.gateway.receipt import Receipt, verify
from services.gateway.source import RegisteredSource, SourceTable
from streams.bus.embedded import EmbeddedBus
from tests.integration.serving import serving

FINES = RegisteredSource(
    "roadpolice-IT/fines", "roadpolice-IT", "traffic", frozenset({"traffic.fine.created"}), ("9901",)
)
RAW = "casebus.raw.traffic"


@dataclass
class Site:
    """A running gateway and what lies behind it."""

    url: str
    token: str
    folder: Path
    bus: EmbeddedBus
    sealer: Sealer
    door: Door

    def client(self) -> httpx.Client:
        """Return a client with the publisher's token."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.token}"}, timeout=30)


def fine(number: int, **data: Any) -> dict[str, Any]:
    """Return a `traffic.fine.created` event."""
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(FINES.id, sequence_of(number)))),
        "type": "traffic.fine.created",
        "source": FINES.id,
        "time": "2026-01-01T00:00:00Z",
        "district": "990100",
        "sequence": sequence_of(number),
        "data": {"case_id": f"A{number}", "amount_cents": 3500, "officer": "561", **data},
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A gateway on a free port, stopped cleanly at the end."""
    clock = SystemClock()
    keys = FileKeystore(tmp_path / "keys.json")
    for label in ("audit", "receipts"):
        keys.provision_signer(label)
    sealer = Sealer(keys, clock, provisions=True)
    tokens = SourceTokens(tmp_path / "tokens.json")
    token = tokens.issue(FINES.id)
    bus = EmbeddedBus(tmp_path / "bus.db")
    log = AuditLog.open(tmp_path / "audit", "casebus.test/990100/audit/n1", "n1", keys.signer("audit"), clock)
    door = Door(
        Contracts.load(), bus, log, sealer, clock, SourceTable([FINES]), signer=keys.signer("receipts"), node="n1"
    )
    with serving(create_app(Gateway(door, tokens, clock))) as url:
        yield Site(url, token, tmp_path, bus, sealer, door)
    log.close()
    bus.close()


def test_publishers_at_once_each_get_their_receipts(site: Site) -> None:
    """Eight clients, single posts: every event once on the bus, every receipt verifies and cites a publish record."""

    def publish(first: int) -> list[tuple[bytes, Receipt]]:
        told = []
        with site.client() as client:
            for number in range(first, first + 25):
                body = json.dumps(fine(number)).encode()
                answer = client.post("/v1/events", content=body, headers={"content-type": "application/json"})
                assert answer.status_code == 202, answer.text
                told.append((body, msgspec.convert(answer.json()["receipt"], Receipt)))
        return told

    with ThreadPoolExecutor(8) as pool:
        receipts = [pair for part in pool.map(publish, range(0, 200, 25)) for pair in part]

    raw = [e for r in site.bus.read(RAW, 0, 0, 999) for e in unpack(r.value, site.sealer).events]
    published = {e.seq: e.record for e in read(site.folder / "audit") if e.record.act == "publish"}
    assert sorted(e.header.subject for e in raw) == sorted(f"A{n}" for n in range(200))
    for body, receipt in receipts:
        assert verify(receipt, site.door.public_key, body)
        assert uuid.UUID(receipt.statement.id).hex in published[receipt.statement.seq].data["events"]


def test_a_batch_with_bad_lines_is_answered_line_by_line(site: Site) -> None:
    """What passes is durable, what does not is told; the dead letter is listed."""
    lines = [json.dumps(fine(1)), "{", json.dumps(fine(2, amount_cents="x")), json.dumps(fine(3))]

    with site.client() as client:
        answer = client.post("/v1/events", content="\n".join(lines), headers={"content-type": "application/x-ndjson"})
        letters = client.get("/v1/dead-letters").json()

    told = answer.json()
    assert (answer.status_code, told["accepted"], told["refused"], told["quarantined"]) == (207, 2, 1, 1)
    assert [letter["code"] for letter in letters["letters"]] == ["gateway.invalid"]


def test_slow_clients_hold_nobody_up(site: Site) -> None:
    """Two hundred clients that never finish their requests; another one is served all the same."""
    host, port = site.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {site.token}\r\n"
        "content-type: application/json\r\ncontent-length: 500\r\n\r\n{"
    ).encode()
    slow = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(head)
        with site.client() as client:
            answer = client.post("/v1/events", json=fine(1), timeout=5)
    finally:
        for connection in slow:
            connection.close()

    assert answer.status_code == 202


def test_the_example_publisher_works_as_written(site: Site) -> None:
    """Twice the same file: accepted, then repeated, the receipt checked both times; a bad one says what to mend."""
    for name, text in (("token", site.token), ("event", json.dumps(fine(7))), ("bad", json.dumps(fine(8, speed=1)))):
        (site.folder / name).write_text(text, encoding="utf-8")

    def run(name: str) -> subprocess.CompletedProcess[str]:
        arguments = [
            sys.executable,
            "examples/publisher.py",
            site.url,
            str(site.folder / "token"),
            str(site.folder / name),
        ]
        return subprocess.run(
            arguments, capture_output=True, text=True, timeout=60, check=False, env={"PYTHONPATH": ".", "PATH": ""}
        )

    first, second, bad = run("event"), run("event"), run("bad")

    assert first.stdout.startswith("accepted "), first.stderr
    assert second.stdout.startswith("repeated ")
    assert "receipt verifies" in first.stdout
    assert bad.returncode == 1
    assert "$.data.speed" in bad.stderr
