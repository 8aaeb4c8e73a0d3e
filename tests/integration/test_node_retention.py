"""Retention on a real node: policy, hold, proposal and retirement by the commands, and what works afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.clock import DAY, ManualClock
from security.audit.catching_up import catch_up
from security.audit.directory_replica import DirectoryReplica, compare_directory
from security.audit.log import AuditLog
from security.audit.reading import read
from security.audit.record import Entry
from security.audit.verify import verify
from services.cli.app import app
from services.node import audit_opening
from services.node.backup import backup, restore
from services.node.layout import DataDirectory
from services.node.node import Node, open_node
from services.node.people import people_of
from services.node.retention import Retaining
from services.node.retention_errors import (
    ChangedProposalError,
    MustStayError,
    NoRecordHoldError,
    NoRetentionError,
    NotApprovedError,
    NothingDueError,
    NotKeeperError,
    ProposedError,
    SameKeeperError,
)
from tests.integration.test_node_audit_keeping import site

LONG_AGO = 1_600_000_000_000_000
RECORDS = 256
PASSWORD = "correct horse battery"


class SmallLog(AuditLog):
    """A log whose segments hold 256 records."""

    @classmethod
    def open(cls, *args: Any, **options: Any) -> Any:
        """Open it so."""
        return super().open(*args, **{**options, "span": 8})


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node with three segments of years ago, a replica, and people with passwords."""
    monkeypatch.setattr(audit_opening, "AuditLog", SmallLog)
    clock = ManualClock(LONG_AGO)
    opened = open_node(tmp_path / "data", site(tmp_path, {"replica": "replica"}), clock=clock)
    for account in ("security", "prosecutor"):
        opened.accounts.set_password(account, PASSWORD)
    opened.audit.append([Entry(act="admin", obj=f"o{number}") for number in range(3 * RECORDS)])
    opened.audit.checkpoint()
    clock.advance_to(LONG_AGO + 5 * 366 * DAY)
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    (tmp_path / "archive").mkdir()
    yield opened
    opened.close()


def policy_of(folder: Path) -> dict[str, Any]:
    """Return a policy of three years, ten for what was released, with an archive."""
    return {"default": 3, "acts": {"release": 10}, "archive": str(folder / "archive")}


def retention(data: Path, by: str, *words: str) -> Any:
    """Run one of the commands as `by`; return its document, or its refusal's code."""
    options = ["--by", by, "--password-file", str(data.parent / "password"), "--data", str(data), "--json"]
    done = CliRunner().invoke(app, ["audit", "retention", *words, *options])
    said = json.loads(done.stdout)
    return said["error"]["code"] if done.exit_code else said


def test_segments_go_by_two_persons_and_everything_goes_on(node: Node, tmp_path: Path) -> None:
    """Nobody alone, not under a hold; then by the commands, and log, replica, archive, search and backup agree."""
    refusals(node, tmp_path)
    node.close()
    data = tmp_path / "data"
    shown = retention(data, "security", "show")
    assert [line["stays"] for line in shown["segments"]] == ["", "", ""]
    assert (shown["approvers"], shown["holds"]) == (["security", "police"], [])
    assert retention(data, "security", "propose")["until"] == 3 * RECORDS
    assert retention(data, "prosecutor", "approve", "--seen", shown["policy"]["archive"]) == "retention.changed"
    retention(data, "prosecutor", "approve", "--seen", retention(data, "prosecutor", "show")["seen"])
    done = retention(data, "security", "run")
    assert done["segments"] == [0, RECORDS, 2 * RECORDS]
    judge_retired(data, done["record"])


def refusals(node: Node, folder: Path) -> None:
    """Policy and segments take two persons, holds two others; a clerk has no part in it; all is recorded."""
    acts = {name: Retaining(node, person) for name, person in people_of(node.control.snapshot).items()}
    security, police, prosecutor = acts["security"], acts["police"], acts["prosecutor"]
    with pytest.raises(NoRetentionError):
        security.propose()
    security.propose_policy(policy_of(folder))
    with pytest.raises(ProposedError):
        police.propose_policy({"default": 1})
    with pytest.raises(SameKeeperError):
        security.approve()
    with pytest.raises(NotKeeperError):
        acts["clerk"].approve()
    seen = police.state()["seen"]
    security.propose_policy({"default": 1})
    with pytest.raises(ChangedProposalError):
        police.approve(seen)
    security.propose_policy(policy_of(folder))
    assert police.approve(police.state()["seen"])["policy"]["default"] == 3
    with pytest.raises(NotApprovedError):
        security.run()

    prosecutor.hold("2026-7", until=LONG_AGO + DAY)
    assert [line.stays for line in security.lines()] == ["held"]
    with pytest.raises(NothingDueError):
        security.propose()
    with pytest.raises(SameKeeperError):
        prosecutor.lift("2026-7")
    security.lift("2026-7")
    with pytest.raises(NoRecordHoldError):
        security.lift("2026-7")

    assert security.propose() == 3 * RECORDS
    prosecutor.approve()
    police.hold("2026-8")
    with pytest.raises(MustStayError):
        security.run()
    security.lift("2026-8")
    assert len(list((node.data.audit / "segments").glob("*.kept"))) == 0
    outs = {stored.record.out for stored in read(node.data.audit) if stored.record.act == "retain"}
    assert outs == {"proposed", "approved", "hold", "lift", NotKeeperError.code, MustStayError.code}


def judge_retired(data: Path, seq: int) -> None:
    """Look at log, archive, replica, search, proof, backup, and what the replica gives back."""
    folder, key = data.parent, None
    report = verify(data / "audit", 4, key)
    assert report.ok, report.faults
    assert [(each.first, each.by) for each in report.retired] == [(n * RECORDS, seq + n) for n in range(3)]
    assert len(list((folder / "archive").iterdir())) == 3
    acts = [stored.record for stored in read(data / "audit") if stored.record.act == "retain"]
    assert [record.out for record in acts].count("ok") == 3
    assert next(record for record in acts if record.out == "ok").data["approvers"] == ["security", "prosecutor"]

    words = ["--data", str(data), "--json"]
    found = json.loads(CliRunner().invoke(app, ["audit", "search", "--act", "retain", "--exhaustive", *words]).stdout)
    assert (found["found"], found["retired"]) == (len(acts), 3 * RECORDS)
    proved = json.loads(CliRunner().invoke(app, ["audit", "prove", "7", *words]).stdout)
    assert (proved["retired"], proved["seq"]) == (True, 7)
    assert f"were retired by record {seq};" in CliRunner().invoke(app, ["audit", "verify", "--data", str(data)]).stdout

    node = open_node(data)
    size, origin = node.audit.size, node.name.origin
    node.close()
    backup(DataDirectory(data), folder / "backup", ManualClock(LONG_AGO))
    restore(folder / "backup", folder / "restored")
    assert len(verify(folder / "restored" / "audit", 3).retired) == 3
    replica = DirectoryReplica(folder / "replica", origin, new=False)
    assert compare_directory(data / "audit", replica) > size
    assert catch_up(folder / "again" / "audit", origin, replica) == replica.size() - 3 * RECORDS
    replica.close()
