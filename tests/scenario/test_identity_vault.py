"""The identity vault, end to end: a clear number and name stand in no file of the node; erased, the log still verifies.

The police record who a person is. Everything the node writes is searched for the number and the name; then one person
asks for the erasure, two others approve it by command, and the audit log is verified down to its blobs.
"""

from __future__ import annotations

import json
import logging
import uuid
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.clock import ManualClock
from schemas.event import derived_id
from schemas.instants import format_instant, parse_instant
from security.audit.checkpoint import VerifierKey
from security.audit.reading import find, prove, read
from services.cli.app import app
from services.cli.node_backup import PASSPHRASE
from services.demo.stage import PASSWORD, prepare
from services.node.node import Node, open_node
from streams.panorama import TOPIC as PANORAMA

START = parse_instant("2025-03-03T01:00:00Z")
RECORDS = "police-990103/records"
UNIT = "990103010000"
NUMBER, NAME = "990101198503070017", "canary-姓名"
MISTYPED = "990101198503070018"
ASKS, ONE, OTHER = "security", "prosecutor", "police"


def identity(sequence: str, **data: Any) -> dict[str, Any]:
    """An event that says who a person is; `data` changes it."""
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(RECORDS, sequence))),
        "type": "identity.recorded",
        "source": RECORDS,
        "time": format_instant(START),
        "district": "990103",
        "data": {
            "register_no": f"RY-990103-2025-{sequence}",
            "unit": UNIT,
            "id_number": NUMBER,
            "name": NAME,
            "recorded_at": format_instant(START),
        }
        | data,
    }


def report(sequence: str, suspect: Any, **data: Any) -> dict[str, Any]:
    """An ordinary event about a person, given by the number."""
    source = "police-990103/cases"
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(source, sequence))),
        "type": "police.report.accepted",
        "source": source,
        "time": format_instant(START),
        "district": "990103",
        "data": {
            "jjdbh": f"J{UNIT}202503030001",
            "case_kind": "criminal",
            "accepted_at": format_instant(START),
            "unit": UNIT,
            "receipt_no": "R00000001",
            "summary": "a report",
            "suspect": suspect,
        }
        | data,
    }


def outcome(node: Node, event: dict[str, Any]) -> tuple[str, str]:
    """Let the door take an event; return how it ended, and its code."""
    (ended,) = node.door.accept(event["source"], [event])
    return str(ended.status), ended.code


def found(root: Path) -> list[str]:
    """Return the files that hold the number, the mistyped one, or the name, in any of the usual writings."""
    secrets = [text.encode() for text in (NUMBER, MISTYPED, NAME, json.dumps(NAME)[1:-1])]
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return [str(path.relative_to(root)) for path in files if any(s in path.read_bytes() for s in secrets)]


@pytest.fixture
def data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """A node that took identities, good and bad, repeated them, and was stopped."""
    caplog.set_level(logging.DEBUG)
    root = prepare(tmp_path / "data", START, seed=1, cases=0).data
    node = open_node(root, clock=ManualClock(START))
    try:
        ended = [
            outcome(node, identity("1")),
            outcome(node, identity("1")),
            outcome(node, identity("2", id_number=MISTYPED)),
            outcome(node, identity("3", person="01" + "00" * 32)),
            outcome(node, identity("1", register_no="another")),
            outcome(node, report("1", {"id_number": NUMBER})),
            outcome(node, report("2", {"id_number": NUMBER}, case_kind="nonsense")),
            outcome(node, report("3", {"id_number": MISTYPED})),
        ]
        node.pump()
        assert node.bus.end(PANORAMA, 0) == 1
    finally:
        node.close()
    assert [status for status, _ in ended] == [
        *("accepted", "repeated", "refused", "refused", "refused"),
        *("accepted", "quarantined", "quarantined"),
    ]
    return root


def command(*words: str, by: str = "", data: Path) -> tuple[int, dict[str, Any]]:
    """Run a command of the audit log; return its exit code and its JSON."""
    signed: list[str] = []
    if by:
        password = data.parent / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        signed = ["--by", by, "--password-file", str(password)]
    ran = CliRunner().invoke(app, ["audit", *words, *signed, "--data", str(data), "--json"])
    return ran.exit_code, json.loads(ran.stdout)


def person(data: Path) -> str:
    """Return the person's key, as the event that went on holds it."""
    node = open_node(data, clock=ManualClock(START))
    try:
        return node.sealer.person_key(NUMBER).hex()
    finally:
        node.close()


def test_number_and_name_stand_nowhere_in_clear(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not on the bus, in the read model, in the audit log, beside it, or in what was logged."""
    assert found(data) == []
    assert not any(secret in caplog.text for secret in (NUMBER, MISTYPED, NAME))


def test_the_vault_opens_for_its_person(data: Path) -> None:
    """What was sealed is the number and the name; the record of the publication names it by its ciphertext."""
    (published,) = [each.record for each in read(data / "audit") if each.record.pii]
    node = open_node(data, clock=ManualClock(START))
    try:
        (place,) = (data / "audit" / "blobs").glob("*/*")
        clear = json.loads(node.vault.open(node.sealer.person_key(NUMBER), place.name))
    finally:
        node.close()

    assert clear == {"id_number": NUMBER, "name": NAME}
    assert published.act == "publish"
    assert [sealed.kid for sealed in published.pii] == [place.parent.name]


def test_erased_by_three_persons_the_log_still_verifies(data: Path) -> None:
    """Present, then erased by a record that level 4 names; a proof from before still proves the same leaf."""
    key = VerifierKey.parse((data / "audit" / "log.vkey").read_text(encoding="utf-8"))
    (seq,) = [each.seq for each in read(data / "audit") if each.record.pii]
    before, leaf = prove(data / "audit", seq, key), find(data / "audit", seq).leaf
    who = person(data)
    code, said = command("verify", "--level", "4", data=data)
    assert (code, said["blobs"]["present"]) == (0, 1)

    assert command("erase", "approve", who, by=ONE, data=data)[0] != 0
    assert command("erase", "request", who, "--basis", "PIPL-47", by=ASKS, data=data)[0] == 0
    assert command("hold", "set", who, "--ref", "H-1", by=ONE, data=data)[0] == 0
    assert command("erase", "approve", who, by=ONE, data=data)[1]["error"]["code"] == "erasure.held"
    assert command("hold", "lift", who, "--ref", "H-1", by=OTHER, data=data)[0] == 0
    assert command("erase", "approve", who, by=ASKS, data=data)[1]["error"]["code"] == "erasure.same_person"
    assert command("erase", "approve", who, by=ONE, data=data)[1]["erased"] is False
    code, done = command("erase", "approve", who, by=OTHER, data=data)

    assert (code, done["erased"]) == (0, True)
    code, said = command("verify", "--level", "4", data=data)
    assert (code, said["ok"]) == (0, True)
    blobs = said["blobs"]
    assert (blobs["present"], blobs["erased"], blobs["missing"]) == (0, 1, 0)
    assert [each["record"] for each in blobs["erased_by"]] == [done["record"]]
    assert find(data / "audit", seq).leaf == leaf
    assert prove(data / "audit", seq, key)["record"] == before["record"]
    assert command("erase", "show", who, by=ONE, data=data)[1]["error"]["code"] == "vault.absent"


def test_a_blob_that_vanishes_without_a_record_is_missing(data: Path) -> None:
    """Exit 6, and the fault names the record that speaks of it."""
    (seq,) = [each.seq for each in read(data / "audit") if each.record.pii]
    (place,) = (data / "audit" / "blobs").glob("*/*")
    place.unlink()

    code, said = command("verify", "--level", "4", data=data)

    assert code == 6
    assert [(fault["kind"], fault["seq"]) for fault in said["faults"]] == [("blob_missing", seq)]


def test_a_restored_node_still_opens_the_vault(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup holds the blobs, its sealed keys the person's key; without the keys nobody can open anything."""
    monkeypatch.setenv(PASSPHRASE, "correct horse battery")
    (place,) = (data / "audit" / "blobs").glob("*/*")
    folder, keys, again = data.parent / "backup", data.parent / "keys.sealed", data.parent / "again"
    ran = CliRunner().invoke(app, ["node", "backup", str(folder), "--keys", str(keys), "--data", str(data), "--json"])
    assert ran.exit_code == 0, ran.stdout
    assert found(folder) == []
    ran = CliRunner().invoke(app, ["node", "restore", str(folder), "--keys", str(keys), "--data", str(again), "--json"])
    assert ran.exit_code == 0, ran.stdout

    node = open_node(again, clock=ManualClock(START))
    try:
        clear = json.loads(node.vault.open(node.sealer.person_key(NUMBER), place.name))
    finally:
        node.close()

    assert clear == {"id_number": NUMBER, "name": NAME}
    code, said = command("verify", "--level", "4", data=again)
    assert (code, said["blobs"]["present"]) == (0, 1)
