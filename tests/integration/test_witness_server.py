"""Two witnesses as processes of their own, a log that asks them over HTTP, kill -9, and evidence under their quorum."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from tests.house.tree import ROOT
from tests.unit.security.audit.workshop import KEY, open_log, release


class Process:
    """One `casebus witness up`."""

    def __init__(self, folder: Path, name: str, logs: Path) -> None:
        self.folder, self.name, self.logs = folder, name, logs
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it and wait for its address and its key."""
        words = ["witness", "up", "--dir", str(self.folder), "--policy", str(self.logs), "--name", self.name]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.app", *words, "--port", str(self.port)],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stderr is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", self.process.stderr.readline())
        assert found is not None
        self.port = int(found[1])
        self.key = self.process.stderr.readline().strip()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it."""
        os.kill(self.process.pid, number)
        self.process.wait(20)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def witnesses(tmp_path: Path) -> Iterator[list[Process]]:
    """Two witnesses that follow the log."""
    logs = tmp_path / "logs"
    logs.write_text(f"log {KEY.text}\nquorum none\n", encoding="utf-8")
    started = [Process(tmp_path / name, f"witness.test/{name}", logs) for name in ("court", "police")]
    yield started
    for each in started:
        each.stop()


def call(*words: object) -> tuple[int, dict[str, Any]]:
    """Run a command with `--json`; return its exit code and its document."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_a_log_and_its_witnesses(witnesses: list[Process], tmp_path: Path) -> None:
    """Each head is cosigned by both, also after one was killed; a bundle under their quorum verifies."""
    policy = tmp_path / "policy"
    lines = [f"witness {w.name} {w.key} http://127.0.0.1:{w.port}" for w in witnesses]
    names = " ".join(w.name for w in witnesses)
    text = "\n".join([f"log {KEY.text}", *lines, f"group both all {names}", "quorum both"])
    policy.write_text(text + "\n", encoding="utf-8")
    log = open_log(tmp_path / "audit", span=10)
    for round_number in range(3):
        log.append([release(round_number * 300 + n) for n in range(300)])
        log.checkpoint()
        code, said = call("witness", "ask", "--policy", policy, "--data", tmp_path)
        assert (code, said["met"], said["size"]) == (0, True, round_number * 300 + 300)
        witnesses[round_number % 2].stop(signal.SIGKILL)
        witnesses[round_number % 2].start()
    log.close()
    bundle = tmp_path / "bundle.json"

    assert call("audit", "export", 5, "--out", bundle, "--policy", policy, "--data", tmp_path)[0] == 0
    code, said = call("verify", bundle, "--policy", policy)
    assert (code, sorted(said["cosigned"])) == (0, ["witness.test/court", "witness.test/police"])
