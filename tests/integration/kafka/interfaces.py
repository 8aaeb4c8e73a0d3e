"""A walk through every interface of a running node, for tests on Kafka: what the embedded node answers, this one does.

Letters, quality, registry and catalogue as a publisher's programs call them; board, alert and person look-up as the
console calls them; search, record, bundle and verification as the officer's pages do.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI
from typer.testing import CliRunner

from schemas.clock import SECOND, ManualClock, SystemClock
from security.audit.checkpoint import VerifierKey
from security.audit.layout import Layout
from security.audit.reading import read as read_log
from security.audit.segment import HEADER_BYTES
from services.cli.app import app as command_line
from services.console.proof import steps
from services.gateway.publication import partition_of
from services.node.node import Node
from services.node.other_logs import LogCopies
from services.node.server import application
from services.node.tokens import issue_to_subscription
from streams.bus.kafka_reader import KafkaReader
from streams.bus.port import Record
from streams.runners.faust.marks import is_marks
from streams.runners.releasing import DEAD_LETTERS, RAW, DeadLetter
from tests.integration.report_event import POLICE, report

PASSWORD = "correct horse battery staple"
SUSPECT = "01" + sha256(b"suspect").hexdigest()
FIRST = 910_001
DOCKET = "procuratorate-990103-docket"
"""A subscription to every contract of its district."""
WORKER = "release-1"
KEY = f"workers/{WORKER}/audit/log.vkey"
"""The worker's own word of its key, on its own disk: the node does not go by it."""


@dataclass
class Visitor:
    """Calls the node's application as a publisher or as a person."""

    app: FastAPI
    token: str
    people: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, person: str = "", wanted: int = 200, **options: Any) -> Any:
        """Make one call; `person` is signed in at the first one, without it the publisher calls."""
        if person and person not in self.people:
            credentials = {"account": person, "password": PASSWORD}
            self.people[person] = self._send("POST", "/desk/login", "", json=credentials).json()["token"]
        answer = self._send(method, path, self.people[person] if person else self.token, **options)
        assert answer.status_code == wanted, (path, answer.status_code, answer.text)
        return answer.json()

    def _send(self, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node", timeout=60) as client:
                return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

        return asyncio.run(run())


def walk(node: Node, folder: Path) -> None:
    """Walk through all of them; the workers run. `folder` takes what the officer carries away."""
    for account in ("police", "prosecutor", "security"):
        node.accounts.set_password(account, PASSWORD)
    visitor = Visitor(application(node), node.tokens.issue(POLICE))
    said = report(FIRST, case=77)
    said["data"]["suspect"] = SUSPECT
    (outcome,) = node.door.accept(POLICE, [said])
    assert outcome.ok, outcome.as_dict()
    settled(node)
    walk_letters(node, visitor, said)
    walk_catalogue(visitor)
    walk_views(node, Visitor(visitor.app, issue_to_subscription(node, DOCKET)))
    walk_desk(node, visitor, said["subject"])
    walk_audit(node, visitor)
    walk_releases(node, visitor, folder)


def settled(node: Node) -> None:
    """Let everything take effect."""
    assert isinstance(node.clock, ManualClock)
    node.clock.advance_to(node.clock.now_us() + SECOND)
    node.pump()


def walk_letters(node: Node, visitor: Visitor, said: dict[str, Any]) -> None:
    """A conflict is explained and closed; what release set aside goes back to its partition, once; all is counted."""
    other = {**said, "data": {**said["data"], "summary": "another"}}
    (conflict,) = node.door.accept(POLICE, [other])
    number = conflict.letter
    assert (conflict.code, visitor.call("GET", "/v1/dead-letters")["count"]) == ("gateway.conflict", 1)
    assert not visitor.call("GET", f"/v1/dead-letters/{number}")["now"]["passes"]
    assert visitor.call("POST", f"/v1/dead-letters/{number}/redrive")["state"] == "open"
    closed = visitor.call("POST", f"/v1/dead-letters/{number}/close", json={"reason": "corrected"})
    assert closed["state"] == "closed"

    topic = RAW + "police"
    partition = partition_of(POLICE, node.bus.partitions(topic))
    first = next(each for each in node.bus.read(topic, partition, 0, 99) if not is_marks(each.headers))
    letter = DeadLetter(1, "sealing.unknown_key", topic, partition, first.offset, 0, b"i" * 16, POLICE)
    with node.bus.transaction() as change:
        aside = change.append(DEAD_LETTERS, 0, [Record(letter.event_id, msgspec.msgpack.encode(letter))])
    assert visitor.call("GET", f"/v1/dead-letters/{aside}")["now"]["passes"]
    assert visitor.call("POST", f"/v1/dead-letters/{aside}/redrive")["state"] == "redriven"
    visitor.call("POST", f"/v1/dead-letters/{aside}/redrive", wanted=409)
    again = node.bus.read(topic, partition, first.offset + 1, 9_999)
    assert [(r.key, r.value) for r in again].count((first.key, first.value)) == 1
    settled(node)

    quality = visitor.call("GET", "/v1/quality")
    assert (quality["conflicts"], quality["dead_letters"]["redriven"], quality["dead_letters"]["open"]) == (1, 1, 0)


def walk_catalogue(visitor: Visitor) -> None:
    """The registry has contracts, the catalogue its entries, the bus its document; the node says how it is."""
    subjects = visitor.call("GET", "/v1/registry/subjects")
    assert "casebus.police.ReportAccepted" in subjects
    assert visitor.call("GET", "/v1/catalogue")["count"] > 200
    assert visitor.call("GET", "/v1/asyncapi.json")["asyncapi"].startswith("3.")
    assert visitor.call("GET", "/v1/health")["status"]


def walk_views(node: Node, visitor: Visitor) -> None:
    """A receiver reads its whole topic page by page: each partition's committed views, by one cursor."""
    topic, bus, after, found = f"casebus.view.{DOCKET}", node.ground.carrier.views, "-1", set()
    while True:
        page = visitor.call("GET", f"/v1/subscriptions/{DOCKET}/events?after={after}&limit=7")
        if not page["events"]:
            break
        found |= {(event["partition"], event["offset"]) for event in page["events"]}
        after = page["next"]
    count = bus.partitions(topic)
    assert found == {(n, each.offset) for n in range(count) for each in bus.read(topic, n, 0, 9_999)}
    assert (len(found) > 1, page["next"]) == (True, page["end"])


def walk_desk(node: Node, visitor: Visitor, subject: str) -> None:
    """The board shows the alert, its page opens, the person of the case can be looked up, the clue takes its step."""
    assert visitor.call("GET", "/desk/me", "police")
    rows = visitor.call("GET", "/desk/board", "police")["rows"]
    pages = [visitor.call("GET", f"/desk/alerts/{row['id']}", "police") for row in rows]
    (mine,) = [row["id"] for row, page in zip(rows, pages, strict=True) if subject in str(page)]
    body = {"purpose": "filing-review", "key": SUSPECT}
    found = visitor.call("POST", f"/desk/alerts/{mine}/look-ups", "police", json=body)
    assert len(found["events"]) == 1
    step = {"act": "accept", "expected_version": 0}
    visitor.call("POST", f"/desk/alerts/{mine}/steps", "prosecutor", json=step)
    settled(node)
    assert visitor.call("GET", f"/desk/alerts/{mine}", "prosecutor")["clue"]["version"] == 1


def followed(node: Node) -> None:
    """Copy the site's other logs as the process beside the node does, until their signed heads are there."""
    address = node.ground.carrier.kafka
    assert address is not None
    with closing(KafkaReader(address, "log-copies")) as reader:
        copies = LogCopies(node.data, node.name, node.keystore, reader, SystemClock())
        with closing(copies):
            states = copies.look()
            deadline = time.monotonic() + 30
            while any(state.size > state.signed for state in states.values()) and time.monotonic() < deadline:
                time.sleep(0.3)
                states = copies.look()
    assert {name: state.why for name, state in states.items() if state.why} == {}


def walk_releases(node: Node, visitor: Visitor, folder: Path) -> None:
    """What was released stands in the worker's log: found, proved, exported, verified without the node, or named."""
    followed(node)
    asked = {"purpose": "access-audit", "act": "release", "sub": DOCKET}
    found = visitor.call("POST", "/audit/search", "security", json={**asked, "exhaustive": True})
    assert found["complete"], found["logs"]
    assert {hit["log"] for hit in found["hits"]} == {told["log"] for told in found["releases"]} == {WORKER}
    one = visitor.call("POST", "/audit/search", "security", json={**asked, "event": found["releases"][-1]["event"]})
    assert [(told["log"], bool(told["fetched"])) for told in one["releases"]] == [(WORKER, True)]
    (said,) = [each for each in found["logs"] if each["log"] == WORKER]
    assert (said["found"], said["why"]) == (found["found"], None)

    seq, key = found["hits"][-1]["seq"], VerifierKey.parse((node.data.root / KEY).read_text(encoding="utf-8"))
    proved = visitor.call("GET", f"/audit/records/{seq}?purpose=access-audit&log={WORKER}", "security")
    assert (proved["key"], proved["record"]["obj"], all(good for _, good in steps(proved))) == (key.text, DOCKET, True)
    carried_away(node, visitor, seq, folder)
    altered(node, visitor, asked)
    newest = list(read_log(node.data.audit))[-9:]
    assert {"record", "export", "search"} <= {each.record.act for each in newest if WORKER in str(each.record.data)}


def carried_away(node: Node, visitor: Visitor, seq: int, folder: Path) -> None:
    """The bundle that the officer takes away verifies with the worker's key alone."""
    body = {"purpose": "access-audit", "seqs": [seq], "log": WORKER}
    bundle = folder / "bundle.json"
    bundle.write_bytes(
        msgspec.json.encode(visitor.call("POST", "/audit/bundle", "security", json=body), order="sorted")
    )
    bundle.write_bytes(bundle.read_bytes() + b"\n")
    command = ["verify", str(bundle), "--public-key", str(node.data.root / KEY), "--json"]
    done = CliRunner().invoke(command_line, command)
    assert (done.exit_code, json.loads(done.stdout)["seqs"]) == (0, [seq])


def altered(node: Node, visitor: Visitor, asked: dict[str, Any]) -> None:
    """One bit of the copy: that log is named, the others answer; removed, it is made anew from its topic."""
    folder = node.data.logs / WORKER
    path = Layout(folder / "audit").segment_files()[0]
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 100] ^= 1
    path.write_bytes(data)
    found = visitor.call("POST", "/audit/search", "security", json={**asked, "exhaustive": True})
    (said,) = [each for each in found["logs"] if each["log"] == WORKER]
    assert (found["complete"], said["searched"], said["why"]["code"]) == (False, False, "audit.tampered")
    assert all(each["complete"] for each in found["logs"] if each["log"] != WORKER)
    shutil.rmtree(folder)
    followed(node)
    assert visitor.call("POST", "/audit/search", "security", json={**asked, "exhaustive": True})["complete"]


def walk_audit(node: Node, visitor: Visitor) -> None:
    """The officer finds the look-up, reads it with its proof, exports it; every log of the site was read."""
    followed(node)
    asked = {"purpose": "access-audit", "act": "person.lookup", "person_key": SUSPECT, "exhaustive": True}
    found = visitor.call("POST", "/audit/search", "security", json=asked)
    assert (found["found"], found["complete"]) == (1, True), found["logs"]
    seq = found["hits"][0]["seq"]
    assert visitor.call("GET", f"/audit/records/{seq}?purpose=access-audit", "security")
    assert visitor.call("POST", "/audit/bundle", "security", json={"purpose": "access-audit", "seqs": [seq]})["records"]
    assert visitor.call("GET", "/audit/head", "security")["size"] == node.audit.head.size
