"""The officer's story: a misuse is planted, found by search, proved by a bundle, and verified by a stranger.

A police officer of the unit is entitled to the unit's cases, and in the daytime looks a suspect up once for each case.
One night the same account looks the same person up again and again. The person complains. The security officer, who can
read no case, finds every look at this person, shows that none is left out, and hands the proof to somebody who trusts
none of us.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from schemas.clock import DAY, HOUR, SECOND, ManualClock
from schemas.event import derived_id, sequence_of
from schemas.instants import LEGAL_ZONE, format_instant, parse_instant
from security.audit.reading import read
from services.demo.stage import PASSWORD, prepare
from services.node.node import Node, open_node
from services.node.server import application
from streams.alerts import TOPIC as ALERTS
from streams.alerts import decode
from tests.scenario.clean_room import CleanRoom

START = parse_instant("2025-03-03T01:00:00Z")
POLICE = "police-990103/cases"
UNIT = "990103010000"
SUSPECT, OTHER = ("01" + sha256(name).hexdigest() for name in (b"suspect", b"another"))
MINUTE = 60 * SECOND
CASES = 3
NIGHT_LOOKS = 12
OFFICE_HOURS = range(8, 18)


@dataclass
class Story:
    """A node on a clock that the story moves; people act through its HTTP interface only."""

    node: Node
    clock: ManualClock
    app: FastAPI
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, account: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one call as an account, signed in at its first one."""
        if account not in self.tokens:
            credentials = {"account": account, "password": PASSWORD}
            self.tokens[account] = self._send("POST", "/desk/login", json=credentials).json()["token"]
        headers = {"Authorization": f"Bearer {self.tokens[account]}"}
        return self._send(method, path, headers=headers, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                return await client.request(method, path, **options)

        answer = asyncio.run(run())
        assert answer.is_success, (answer.status_code, answer.text)
        return answer

    def accept_report(self, number: int, suspect: str) -> str:
        """Let the police accept a report about somebody; return the case's reference."""
        subject = f"J{UNIT}20250303{number:04d}"
        data = {
            "jjdbh": subject,
            "case_kind": "criminal",
            "accepted_at": format_instant(self.clock.now_us()),
            "unit": UNIT,
            "receipt_no": f"R{number:08d}",
            "summary": "canary-summary",
            "suspect": suspect,
        }
        sequence = sequence_of(number)
        event = {
            "specversion": "1.0",
            "id": str(uuid.UUID(bytes=derived_id(POLICE, sequence))),
            "type": "police.report.accepted",
            "source": POLICE,
            "subject": subject,
            "time": format_instant(self.clock.now_us()),
            "sequence": sequence,
            "district": "990103",
            "data": data,
        }
        (outcome,) = self.node.door.accept(POLICE, [event])
        assert outcome.as_dict()["status"] == "accepted", outcome.as_dict()
        return subject

    def move(self, to: int) -> None:
        """Move the clock; every source says that it has told everything."""
        self.clock.advance_to(to)
        for source in self.node.sources.all():
            self.node.door.complete_to(source, to)
        self.node.pump()

    def look_up(self, alert: str, key: str) -> dict[str, Any]:
        """Let the police officer look a person up for a case."""
        body = {"purpose": "filing-review", "key": key}
        found: dict[str, Any] = self.call("police", "POST", f"/desk/alerts/{alert}/look-ups", json=body).json()
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A demonstration node with its accounts, opened in this process."""
    stage = prepare(tmp_path_factory.mktemp("story") / "data", START, seed=1, cases=0)
    clock = ManualClock(START)
    node = open_node(stage.data, clock=clock)
    yield Story(node, clock, application(node))
    node.close()


@pytest.fixture(scope="module")
def handed_over(story: Story) -> bytes:
    """The verifier key of the node, as another agency got it when the two were introduced."""
    key: str = story.call("security", "GET", "/audit/head").json()["key"]
    return key.encode()


@pytest.fixture(scope="module")
def alerts(story: Story, handed_over: bytes) -> list[str]:
    """Cases about the suspect, and one about somebody else, with the looks of the daytime and of the night."""
    for number in range(1, CASES + 1):
        story.accept_report(number, SUSPECT)
    story.accept_report(99, OTHER)
    story.move(START + 9 * DAY)
    rows = story.call("police", "GET", "/desk/board").json()["rows"]
    found = [row["id"] for row in rows]
    assert len(found) == CASES + 1
    for alert in found:  # a working day: each case once
        story.move(story.clock.now_us() + 20 * MINUTE)
        assert len(story.look_up(alert, SUSPECT)["events"]) == CASES
    story.move(START + 9 * DAY + 17 * HOUR)  # 02:00 of the next day
    for number in range(NIGHT_LOOKS):
        story.move(story.clock.now_us() + MINUTE)
        story.look_up(found[number % len(found)], SUSPECT)
    story.look_up(found[0], OTHER)
    return found


@pytest.fixture(scope="module")
def found(story: Story, alerts: list[str]) -> dict[str, Any]:
    """What the security officer finds: every look at this person, and that no other exists."""
    del alerts
    asked = {"purpose": "access-audit", "act": "person.lookup", "person_key": SUSPECT, "exhaustive": True}
    answer: dict[str, Any] = story.call("security", "POST", "/audit/search", json=asked).json()
    return answer


@pytest.fixture(scope="module")
def misuse(found: dict[str, Any]) -> list[int]:
    """The records of the looks outside office hours."""
    return [hit["seq"] for hit in found["hits"] if _hour(hit["record"]["ts"]) not in OFFICE_HOURS]


@pytest.fixture(scope="module")
def bundle(story: Story, misuse: list[int]) -> bytes:
    """The evidence."""
    asked = {"purpose": "access-audit", "seqs": misuse}
    return story.call("security", "POST", "/audit/bundle", json=asked).content


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory, handed_over: bytes) -> CleanRoom:
    """Somebody who trusts none of us, with the key that was handed over long ago."""
    room = CleanRoom.make(tmp_path_factory.mktemp("stranger"))
    room.put("log.vkey", handed_over)
    return room


def test_search_finds_the_planted_misuse_and_nothing_else(found: dict[str, Any], misuse: list[int]) -> None:
    """All looks at the person are found, by reading everything; those of the night stand out by their time."""
    assert (found["found"], found["complete"]) == (CASES + 1 + NIGHT_LOOKS, True)
    assert len(misuse) == NIGHT_LOOKS
    night = [hit["record"] for hit in found["hits"] if hit["seq"] in misuse]
    assert {(act["actor"], act["role"], act["org"]) for act in night} == {("police", "GA_LEGAL", "police-990103")}
    assert {act["purpose"] for act in night} == {"filing-review"}
    assert all(act["case"] and len(act["data"]["events"]) == CASES for act in night)


def test_the_officer_never_saw_the_case(found: dict[str, Any], bundle: bytes) -> None:
    """Neither the answer nor the evidence holds a key, a reference or a summary."""
    for told in (json.dumps(found), bundle.decode()):
        assert SUSPECT not in told
        assert UNIT not in told
        assert "canary-summary" not in told


def test_the_officers_own_questions_are_on_record(story: Story, found: dict[str, Any], bundle: bytes) -> None:
    """The search for the person and the export are acts themselves, found by the same means."""
    del bundle
    asked = {"purpose": "access-audit", "actor": "security", "role": "SEC"}
    acts = [hit["record"] for hit in story.call("security", "POST", "/audit/search", json=asked).json()["hits"]]
    digest = found["hits"][0]["record"]["data"]["person"]

    assert [act["act"] for act in acts if act["act"] not in {"login", "logout"}][:2] == ["search", "export"]
    assert next(act for act in acts if act["act"] == "search")["data"]["persons"] == [digest]


def test_the_clean_room_has_nothing_of_ours(stranger: CleanRoom) -> None:
    """No package of casebus, and none that it brings, can be imported there."""
    for name in ("schemas", "security", "services", "msgspec"):
        assert stranger.run("-c", f"import {name}").returncode == 1
    assert stranger.run("-c", "import cryptography").returncode == 0


def test_a_stranger_verifies_the_evidence(stranger: CleanRoom, bundle: bytes, misuse: list[int]) -> None:
    """The one-file verifier, with the stranger's own key, in an environment that has nothing of ours."""
    code, proved = stranger.verify(bundle)

    assert (code, proved["ok"], proved["records"]) == (0, True, NIGHT_LOOKS)
    assert proved["seqs"] == misuse


def test_another_key_proves_nothing(stranger: CleanRoom, bundle: bytes, handed_over: bytes) -> None:
    """With a key that is not this node's the evidence is refused."""
    other = b"casebus.other" + handed_over[handed_over.index(b"+") :]
    stranger.put("log.vkey", other)
    try:
        done = stranger.run("casebus_verify.py", "bundle.json", "--public-key", "log.vkey")
    finally:
        stranger.put("log.vkey", handed_over)

    assert done.returncode != 0


def test_any_change_to_the_evidence_is_refused(stranger: CleanRoom, bundle: bytes) -> None:
    """One bit of every byte, every seventh cut, and changes of a careful hand that mends the checksum."""
    flips = [_flipped(bundle, at, at % 8) for at in range(len(bundle))]
    cuts = [bundle[:length] for length in range(0, len(bundle), 7)]
    careful = [_resealed(bundle, change) for change in (_another_actor, _another_hour, _another_leaf, _exchanged)]

    assert stranger.accepted([bundle]) == [0]
    assert stranger.accepted(flips + cuts + careful) == []


def test_what_models_said_and_sources_declared_is_on_record(story: Story, alerts: list[str]) -> None:
    """Each state that an alert took, in order, by its model; each mark that moved, by its source; nobody's name."""
    records = [each.record for each in read(story.node.data.audit)]
    acts = [(r.obj, r.data["state"], r.actor) for r in records if r.act == "alert" and r.role == "model"]
    topic = [decode(each.value) for each in story.node.bus.read(ALERTS, 0, 0, 10_000)]
    marks = {r.obj: r.data["declared"] for r in records if r.act == "mark"}

    assert acts == [(alert.id, alert.state, alert.model) for alert in topic]
    assert set(alerts) <= {alert for alert, _, _ in acts}
    declared = {source: mark.complete_to for source, mark in story.node.door.marks().items()}
    assert marks == declared


def test_prometheus_is_told_of_the_log(story: Story) -> None:
    """The node's metrics have the audit log's own."""
    told = story.call("security", "GET", "/metrics").text

    assert f"casebus_audit_records {float(story.node.audit.size)}" in told
    assert "casebus_audit_faults 0.0" in told


def _hour(ts: int) -> int:
    return datetime.fromtimestamp(ts / 1_000_000, LEGAL_ZONE).hour


def _flipped(content: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)


def _resealed(bundle: bytes, change: Any) -> bytes:
    """Change the document and mend its checksum, as whoever forges evidence would."""
    said = json.loads(bundle)
    change(said["records"])
    said.pop("sha256")
    said["sha256"] = sha256(_written(said)).hexdigest()
    changed = _written(said)
    assert changed != bundle
    return changed


def _written(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _another_actor(records: list[dict[str, Any]]) -> None:
    records[0]["body"] = records[0]["body"].replace('"actor":"police"', '"actor":"clerk"')


def _another_hour(records: list[dict[str, Any]]) -> None:
    body = json.loads(records[0]["body"])
    body["ts"] -= 12 * HOUR
    records[0]["body"] = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _another_leaf(records: list[dict[str, Any]]) -> None:
    records[0]["prev"] = "00" * 32


def _exchanged(records: list[dict[str, Any]]) -> None:
    records[0]["proof"], records[1]["proof"] = records[1]["proof"], records[0]["proof"]
