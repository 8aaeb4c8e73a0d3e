"""A new agency with the docs alone: from nothing to a first accepted event and a re-driven dead letter.

Every command is read from `docs/publishing.md` and run as it stands there, on a copy of the tree, against a real node.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from security.audit.reading import read
from services.demo.check import free_port
from tests.integration.delivery_proof import prove
from tests.integration.node_process import ROOT, START_SECONDS, STOP_SECONDS

DOCUMENT = ROOT / "docs" / "publishing.md"
PACKAGES = ("schemas", "security", "streams", "services", "deploy")
TEN_MINUTES = 600.0
EXIT = re.compile(r"# exit (\d)")


def blocks() -> list[list[str]]:
    """Return the commands of the walk, block by block."""
    text = DOCUMENT.read_text(encoding="utf-8")
    walk = text[text.index("## From nothing to a first event") : text.index("## Before you start")]
    found = re.findall(r"^```sh\n(.*?)^```", walk, re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ").strip().splitlines() for block in found]


@dataclass
class Room:
    """A copy of the tree, in which the commands run; one node."""

    tree: Path
    port: int
    node: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The commands' environment: English, this copy, this node's port."""
        return {**os.environ, "PYTHONPATH": str(self.tree), "CASEBUS_URL": self.url, "LANG": "C.UTF-8"}

    @property
    def url(self) -> str:
        """The node's address."""
        return f"http://127.0.0.1:{self.port}"

    def up(self, command: str) -> None:
        """Start the node by its command, on a free port, and wait until it answers."""
        with (self.tree / "node.log").open("ab") as log:
            words = f"exec {self.ours(command)} --port {self.port} --console-port 0"
            self.node = subprocess.Popen(
                ["sh", "-c", words], cwd=self.tree, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/v1/health", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                assert self.node.poll() is None, (self.tree / "node.log").read_text()
                time.sleep(0.1)
        raise AssertionError("the node does not answer")

    def down(self) -> int:
        """Stop the node as Ctrl-C does."""
        assert self.node
        if self.node.poll() is None:
            self.node.send_signal(signal.SIGINT)
        return self.node.wait(STOP_SECONDS)

    def ours(self, command: str) -> str:
        """Return the command with this interpreter in place of `./run`, which would set up an environment first."""
        return command.replace("./run casebus", f"{sys.executable} -m services.cli.app")

    def run(self, command: str) -> str:
        """Run one command as it stands; its exit code is the one the document names, or 0."""
        wanted = int(EXIT.search(command).group(1)) if EXIT.search(command) else 0  # type: ignore[union-attr]
        done = subprocess.run(
            ["sh", "-c", self.ours(command)],
            cwd=self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == wanted, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def told(self, command: str) -> dict[str, Any]:
        """Run a command with `--json`."""
        return dict(json.loads(self.run(command + " --json").splitlines()[0]))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room; nothing is left running."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    made = Room(tmp_path, free_port())
    yield made
    if made.node is not None:
        made.down()


@pytest.mark.slow
def test_the_walk_of_the_document(room: Room) -> None:
    """Nothing, first event, verified receipt, dead letter, mended code list, re-driven once, in ten minutes."""
    began = time.monotonic()
    (up,), first, second, mend, last = blocks()
    room.up(up)
    for command in first:
        room.run(command)
    said = [room.run(command) for command in second]
    for command in mend:
        room.run(command)
    stopped = room.down()
    room.up(up)
    said += [room.run(command) for command in last]
    took = time.monotonic() - began
    again = subprocess.run(
        ["sh", "-c", room.ours(last[1])],
        cwd=room.tree,
        env=room.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    report = room.told(last[2])
    walked = room.told(first[0])
    stopped_again = room.down()

    assert (stopped, stopped_again) == (0, 0)
    assert "$.data.kind" in said[1]
    assert "letters: 1" in said[3]
    assert "letter 0: redriven" in said[-2]
    assert (again.returncode, "gateway.letter_closed" in again.stderr) == (1, True)
    assert (report["accepted"], report["dead_letters"]["redriven"], report["dead_letters"]["open"]) == (2, 1, 0)
    assert [step["done"] for step in walked["steps"] if step["step"] in {"register", "issue", "write", "publish"}] == [
        "before"
    ] * 4
    proof = prove(room.tree / ".casebus" / "data")
    assert proof.breaches == []
    acts = [(e.record.act, e.record.out) for e in read(room.tree / ".casebus" / "data" / "audit")]
    assert acts.count(("redrive", "ok")) == 1
    assert (room.tree / "onboarding" / "token").stat().st_mode & 0o077 == 0
    assert took < TEN_MINUTES
