"""A node with a replica and witnesses: what a restored backup does, and how release waits for a quorum."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from schemas.clock import ManualClock
from security.audit.directory_replica import DirectoryReplica, compare_directory
from security.audit.errors import AuditReplicaError, AuditRolledBackError
from security.audit.reading import read
from security.audit.verify import verify
from services.cli.app import app
from services.node.node import Node, open_node
from services.node.site import Site
from tests.house.tree import ROOT

START = 1_780_000_000_000_000


def site(folder: Path, audit: dict[str, Any]) -> Site:
    """Return the demonstration's site with settings for its audit log."""
    document = yaml.safe_load((ROOT / "deploy/site/demo.yaml").read_text(encoding="utf-8"))
    document["node"]["audit"] = audit
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return Site.load(path)


def opened(data: Path, wanted: Site | None = None) -> Node:
    """Open the node with a clock that stands still."""
    return open_node(data, wanted, clock=ManualClock(START))


def test_a_restored_backup_catches_up_from_the_replica(tmp_path: Path) -> None:
    """An older directory, put back, takes up what the replica has, says so, and goes on; both hold the same bytes."""
    data, replica = tmp_path / "data", tmp_path / "replica"
    opened(data, site(tmp_path, {"replica": "replica"})).close()
    shutil.copytree(data, tmp_path / "backup")
    for _ in range(3):
        opened(data).close()
    size = sum(1 for _ in read(data / "audit"))
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "backup", data)
    opened(data).close()

    records = [each.record for each in read(data / "audit")]
    kept = next(each for each in records[size:] if each.act == "recover")
    assert kept.data == {"kind": "caught_up", "records": 6}
    other = DirectoryReplica(replica, Site.load(tmp_path / "site.yaml").origin, new=False)
    assert compare_directory(data / "audit", other) == len(records)
    other.close()
    assert verify(data / "audit", 3).ok


def test_without_its_replica_it_does_not_open(tmp_path: Path) -> None:
    """A replica's disk that is not mounted, and a log set back with no replica at all."""
    data = tmp_path / "data"
    opened(data, site(tmp_path, {"replica": "replica"})).close()
    said = json.loads(CliRunner().invoke(app, ["node", "status", "--data", str(data), "--json"]).stdout)["audit"]
    assert (said["replica"], said["release"], said["signed"] > 0) == (str(tmp_path / "replica"), "open", True)
    (tmp_path / "replica").rename(tmp_path / "elsewhere")
    with pytest.raises(AuditReplicaError):
        opened(data)
    (tmp_path / "elsewhere").rename(tmp_path / "replica")
    opened(data, site(tmp_path, {})).close()
    shutil.copytree(data / "audit", tmp_path / "older")
    opened(data).close()
    shutil.rmtree(data / "audit")
    shutil.copytree(tmp_path / "older", data / "audit")

    with pytest.raises(AuditRolledBackError):
        opened(data)


def test_a_loss_is_accepted_by_two_persons(tmp_path: Path) -> None:
    """Without any replica the node goes on after two approvals, and says at each lost number that it was lost."""
    data = tmp_path / "data"
    opened(data, site(tmp_path, {})).close()
    shutil.copytree(data / "audit", tmp_path / "older")
    opened(data).close()
    size = sum(1 for _ in read(data / "audit"))
    shutil.rmtree(data / "audit")
    shutil.copytree(tmp_path / "older", data / "audit")
    words = ["audit", "accept-loss", "--data", str(data), "--json"]

    assert CliRunner().invoke(app, [*words, "--approver", "li"]).exit_code == 2
    done = CliRunner().invoke(app, [*words, "--approver", "li", "--approver", "wang"])
    assert (done.exit_code, json.loads(done.stdout)["until"]) == (0, size)
    opened(data).close()
    acts = [each.record.act for each in read(data / "audit")]
    assert acts[size - 2 :] == ["loss", "loss", "start", "stop"]
    assert verify(data / "audit", 3).ok
    head = json.loads(CliRunner().invoke(app, ["audit", "sm3", "--data", str(data), "--json"]).stdout)
    assert (head["size"], head["origin"].endswith("/sm3")) == (len(acts), True)
