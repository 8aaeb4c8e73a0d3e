"""Brokers from before headers and transactions: every process says so and ends; nobody waits for what cannot come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from security.keys.file import FileKeystore
from services.node.ground import CONTROL_KEY
from services.node.layout import DataDirectory, NodeName
from services.node.supervisor import WANTING, node_command
from tests.house.tree import ROOT
from tests.integration.kafka.old_broker import old_broker

pytestmark = pytest.mark.kafka

CLI = (sys.executable, "-m", "services.cli.app", "worker")


def test_an_older_protocol_is_told(tmp_path: Path) -> None:
    """Node, release, supervise and a gateway, each a process of its own: `kafka.too_old`, exit 5."""
    data = DataDirectory(tmp_path / "data")
    data.make(NodeName("early", "casebus.example/early"), on_kafka=True)
    FileKeystore(data.keys / "keystore.json").provision_signer(CONTROL_KEY)
    with old_broker() as address:
        commands = {kind: [*CLI, kind, "--data", str(data.root)] for kind in ("release", "supervise")}
        commands["gateway"] = [*CLI, "gateway", "--data", str(data.root), "--instance", "annex", "--port", "0"]
        site = ROOT / "deploy/site/demo.yaml"
        commands["node"] = node_command(tmp_path / "node", 0, site, address.bootstrap)
        processes = {
            name: subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **address.environment()},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name, command in commands.items()
        }
        said = {name: process.communicate(timeout=120)[1] for name, process in processes.items()}

    assert {name: process.returncode for name, process in processes.items()} == dict.fromkeys(commands, WANTING), said
    assert [name for name, each in said.items() if "(0.10.1)" not in each or "[kafka.too_old]" not in each] == []
