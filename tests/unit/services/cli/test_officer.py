"""The officer's commands over a desk in process: answers, refusals with their exit codes, acts on record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from security.audit.reading import read
from services.auditor.desk import AuditDesk
from services.auditor.router import auditor_router
from services.cli import officer
from services.cli.app import app
from services.desk.look_up import Sought
from services.desk.router import desk_router
from services.gateway.exchange import add_error_handlers
from tests.unit.services.desk.office import ALERT_ID, SUSPECT, Office, open_office
from tests.unit.services.desk.test_router import OpenSessions

FOR = ("--purpose", "duty:SEC")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A node whose log has a look-up; the commands reach it in this process."""
    opened = open_office(tmp_path)
    police = opened.people["police"]
    opened.desk.look_up(police, ALERT_ID, Sought(police.principal.purpose, SUSPECT.hex()))
    desk = AuditDesk(tmp_path / "audit", tmp_path / "index.db", opened.audit, opened.sealer.keyed_digest)
    node = FastAPI()
    add_error_handlers(node)

    def client_of(url: str) -> Any:
        # Signing out forgets a person: each command gets sessions of its own.
        node.router.routes.clear()
        sessions = OpenSessions(opened.people)
        node.include_router(desk_router(opened.desk, sessions))
        node.include_router(auditor_router(desk, sessions))
        return TestClient(node, base_url=url)

    monkeypatch.setattr(officer, "client_of", client_of)
    yield opened
    opened.close()


def run(*words: object, account: str = "security") -> tuple[int, dict[str, Any]]:
    """Run a command as an account; return its exit code and what it answered."""
    environment = {"CASEBUS_ACCOUNT": account, "CASEBUS_PASSWORD": "x" * 12}
    done = CliRunner().invoke(app, ["officer", *map(str, words), "--json"], env=environment)
    return done.exit_code, json.loads(done.stdout)


def test_a_search_for_a_person_is_answered_and_on_record(office: Office) -> None:
    """The look-up is found by the person's key; the search itself follows it in the log."""
    code, found = run("search", *FOR, "--person-key", SUSPECT.hex(), "--act", "person.lookup", "--exhaustive")

    office.audit.checkpoint()
    acts = [stored.record.act for stored in read(office.folder / "audit")]
    assert (code, found["found"], found["complete"]) == (0, 1, True)
    assert acts[-2:] == ["person.lookup", "search"]


def test_an_exported_bundle_is_verified_by_the_command(office: Office, tmp_path: Path) -> None:
    """The bytes that were written are a bundle that `casebus verify` takes."""
    bundle = tmp_path / "bundle.json"
    code, _ = run("export", 0, *FOR, "--out", bundle)
    key = office.folder / "audit" / "log.vkey"

    verified = CliRunner().invoke(app, ["verify", str(bundle), "--public-key", str(key), "--json"])

    assert (code, verified.exit_code, json.loads(verified.stdout)["seqs"]) == (0, 0, [0])


def test_the_whole_log_is_verified(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the end and gives the report; a log that was changed exits with 6."""
    monkeypatch.setattr(officer, "WAIT_SECONDS", 0.05)
    assert run("verify", *FOR)[0] == 0
    segment = next((office.folder / "audit" / "segments").glob("*.seg"))
    data = bytearray(segment.read_bytes())
    data[400] ^= 1
    segment.write_bytes(data)

    code, report = run("verify", *FOR)

    assert (code, report["ok"]) == (6, False)


@pytest.mark.parametrize(("account", "purpose"), [("police", "duty:GA_LEGAL"), ("security", "curiosity")])
def test_who_may_not_ask_leaves_with_4(office: Office, account: str, purpose: str) -> None:
    """Another role, another purpose: denied, and on record."""
    code, said = run("search", "--purpose", purpose, account=account)

    office.audit.checkpoint()
    assert code == 4
    assert said["error"]["code"] in {"auditor.role", "auditor.purpose"}
    assert [stored.record.out for stored in read(office.folder / "audit")][-1] == "deny"
