"""A walk through every interface of a running node, for tests on Kafka: what the embedded node answers, this one does.

Letters, quality, registry and catalogue as a publisher's programs call them; board, alert and person look-up as the
console calls them; search, record, bundle and verification as the officer's pages do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI

from schemas.clock import SECOND, ManualClock
from services.gateway.publication import partition_of
from services.node.node import Node
from services.node.server import application
from services.node.tokens import issue_to_subscription
from streams.bus.port import Record
from streams.runners.faust.marks import is_marks
from streams.runners.releasing import DEAD_LETTERS, RAW, DeadLetter
from tests.integration.report_event import POLICE, report

PASSWORD = "correct horse battery staple"
SUSPECT = "01" + sha256(b"suspect").hexdigest()
FIRST = 910_001
DOCKET = "procuratorate-990103-docket"
"""A subscription to every contract of its district."""


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


def walk(node: Node) -> None:
    """Walk through all of them; the workers run."""
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


def walk_audit(node: Node, visitor: Visitor) -> None:
    """The officer finds the look-up, reads it with its proof, exports it, and has the log verified."""
    asked = {"purpose": "access-audit", "act": "person.lookup", "person_key": SUSPECT, "exhaustive": True}
    found = visitor.call("POST", "/audit/search", "security", json=asked)
    assert (found["found"], found["complete"]) == (1, True)
    seq = found["hits"][0]["seq"]
    assert visitor.call("GET", f"/audit/records/{seq}?purpose=access-audit", "security")
    assert visitor.call("POST", "/audit/bundle", "security", json={"purpose": "access-audit", "seqs": [seq]})["records"]
    assert visitor.call("GET", "/audit/head", "security")["size"] == node.audit.head.size
