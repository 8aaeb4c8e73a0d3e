"""Backup, restore and upgrade of a node's directory: whole or refused, never half."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.clock import ManualClock
from security.audit.reading import read
from security.audit.verify import verify
from services.cli.app import app
from services.cli.node_backup import PASSPHRASE
from services.node.layout import LAYOUT_VERSION, DataDirectory, LayoutVersionError
from services.node.node import open_node
from tests.house.tree import ROOT
from tests.integration.test_node_audit_keeping import START, opened, site

OLDER = ROOT / "tests/integration/data/node-layout-1.tar.gz"
"""A directory that the version before wrote, without its read model."""
SECRET = {PASSPHRASE: "correct horse battery"}


def call(*words: object, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Run a command with `--json`; return its exit code and its document."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"], env=env)
    return done.exit_code, json.loads(done.stdout or "{}")


def acts(data: Path) -> list[str]:
    """Return the acts of a log, in order."""
    return [each.record.act for each in read(data / "audit")]


def test_a_restored_node_goes_on_where_the_replica_ends(tmp_path: Path) -> None:
    """Backed up, gone on, lost, restored with its sealed keys: what came after the backup is in its log again."""
    data, folder, keys = tmp_path / "data", tmp_path / "backup", tmp_path / "keys.sealed"
    opened(data, site(tmp_path, {"replica": "replica"})).close()
    code, said = call("node", "backup", folder, "--keys", keys, "--data", data, env=SECRET)
    assert (code, said["recorded"]) == (0, True)
    assert b"keystore" not in b"".join(path.name.encode() for path in folder.rglob("*"))
    opened(data).close()
    lost = acts(data)
    shutil.rmtree(data)

    assert call("node", "restore", folder, "--keys", keys, "--data", data, env={PASSPHRASE: "x" * 12})[0] == 4
    assert not data.exists()
    code, said = call("node", "restore", folder, "--keys", keys, "--data", data, env=SECRET)
    assert (code, said["opened"]) == (0, True)
    assert acts(data)[: len(lost)] == lost
    assert {"recover", "restore"} <= set(acts(data)[len(lost) :])
    assert verify(data / "audit", 3).ok


def test_a_running_node_is_backed_up(tmp_path: Path) -> None:
    """The copy of a running node verifies and opens; it has the keys only if they are put there."""
    data, folder, copy = tmp_path / "data", tmp_path / "backup", tmp_path / "copy"
    node = opened(data, site(tmp_path, {}))
    code, said = call("node", "backup", folder, "--data", data)
    node.close()
    assert (code, said["recorded"], said["keys"]) == (0, False, "")
    assert call("node", "restore", folder, "--data", copy)[0] == 0
    assert not (copy / "keys").exists()
    shutil.copytree(data / "keys", copy / "keys")

    opened(copy).close()
    assert acts(copy)[-1] == "stop"


def test_what_is_not_whole_is_refused(tmp_path: Path) -> None:
    """A changed, missing or added file of a backup, and a directory that holds something: nothing is written."""
    data, folder, target = tmp_path / "data", tmp_path / "backup", tmp_path / "target"
    opened(data, site(tmp_path, {})).close()
    assert call("node", "backup", folder, "--data", data)[0] == 0
    assert call("node", "backup", folder, "--data", data)[0] == 2
    assert call("node", "restore", folder, "--data", data)[0] == 2
    segment = next((folder / "data/audit/segments").iterdir())
    whole = segment.read_bytes()
    segment.write_bytes(whole[:900] + bytes([whole[900] ^ 1]) + whole[901:])
    assert call("node", "restore", folder, "--data", target)[0] == 6
    segment.unlink()
    assert call("node", "restore", folder, "--data", target)[0] == 6
    segment.write_bytes(whole)
    (folder / "data" / "more").write_bytes(b"")
    assert call("node", "restore", folder, "--data", target)[0] == 6
    assert not target.exists()


def test_the_directory_of_the_version_before_is_moved_up(tmp_path: Path) -> None:
    """A directory that the version before wrote opens, says so in its log, and is of the present layout afterwards."""
    with tarfile.open(OLDER) as packed:
        packed.extractall(tmp_path, filter="data")
    data = DataDirectory(tmp_path / "data")
    before = acts(data.root)
    assert data.layout() == 1
    data.name()
    open_node(data.root, clock=ManualClock(START)).close()

    assert data.layout() == LAYOUT_VERSION
    assert acts(data.root)[len(before) :] == ["upgrade", "start", "stop"]
    open_node(data.root, clock=ManualClock(START)).close()
    assert acts(data.root).count("upgrade") == 1
    assert verify(data.audit, 3).ok


def test_a_directory_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """What a later version wrote is not guessed at."""
    data = tmp_path / "data"
    opened(data, site(tmp_path, {})).close()
    body = json.loads((data / "node.json").read_text(encoding="utf-8"))
    (data / "node.json").write_text(json.dumps({**body, "layout": LAYOUT_VERSION + 1}), encoding="utf-8")

    with pytest.raises(LayoutVersionError):
        opened(data)
