"""Two agencies, each a witness for the other: heads are cosigned, a lost witness stops release, and it resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from schemas.clock import ManualClock
from security.audit.checkpoint import VerifierKey
from security.audit.record import Entry
from security.audit.verify import verify
from security.audit.witnessed import UnwitnessedError
from services.cli.app import app
from services.node.node import Node, open_node
from services.node.site import Site
from services.node.witness_rounds import WitnessRounds, rounds_of
from tests.house.tree import ROOT
from tests.integration.test_witness_server import Process

START = 1_780_000_000_000_000
AGENCIES = ("procuratorate", "court")
"""Each runs a node, and a witness that follows the other's."""


def origin(name: str) -> str:
    """Return the name of an agency's log."""
    return f"casebus.test/{name}/audit/n1"


def site(folder: Path, name: str, audit: dict[str, Any]) -> Site:
    """Return an agency's site."""
    document = yaml.safe_load((ROOT / "deploy/site/demo.yaml").read_text(encoding="utf-8"))
    document["node"] |= {"origin": origin(name), "audit": audit}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return Site.load(path)


def opened(folder: Path, name: str, audit: dict[str, Any] | None = None) -> Node:
    """Open an agency's node; with `audit`, by its site file."""
    return open_node(folder / name, site(folder, name, audit) if audit is not None else None, clock=ManualClock(START))


@pytest.fixture
def witnesses(tmp_path: Path) -> Iterator[dict[str, Process]]:
    """Name → the witness process that this agency runs for the other."""
    started = {}
    for name, other in zip(AGENCIES, reversed(AGENCIES), strict=True):
        opened(tmp_path, other, {}).close()
        key = VerifierKey.parse((tmp_path / other / "audit" / "log.vkey").read_text(encoding="utf-8"))
        logs = tmp_path / f"logs-of-{name}"
        logs.write_text(f"log {key.text}\nquorum none\n", encoding="utf-8")
        started[name] = Process(tmp_path / f"witness-{name}", f"witness.test/{name}", logs)
    yield started
    for each in started.values():
        each.stop()


@pytest.mark.slow
def test_agencies_witness_each_other(witnesses: dict[str, Process], tmp_path: Path) -> None:
    """Both logs get their quorum from the other's witness; without it release waits, says why, and goes on later."""
    nodes = {}
    for name, other in zip(AGENCIES, reversed(AGENCIES), strict=True):
        watching = witnesses[other]
        lines = [f"witness w {watching.key} http://127.0.0.1:{watching.port}", "quorum w"]
        (tmp_path / f"{name}.policy").write_text("\n".join(lines) + "\n", encoding="utf-8")
        settings = {"witnesses": f"{name}.policy", "max_unwitnessed": 1, "replica": f"replica-{name}"}
        opened(tmp_path, name, settings).close()
        nodes[name] = opened(tmp_path, name)
    for name, node in nodes.items():
        rounds, gate = rounds_over(node), node.ground.gate
        assert gate is not None
        node.audit.checkpoint()
        assert rounds.look()
        assert gate.unwitnessed() == 0
        lost = witnesses[AGENCIES[1 - AGENCIES.index(name)]]
        lost.stop()
        node.audit.append([release_of(node)])
        node.audit.checkpoint()
        assert not rounds.look()
        await_refusal(gate.require)
        lost.start()
        assert rounds.look()
        gate.require()
        rounds.stop()
        node.close()
    for name, other in zip(AGENCIES, reversed(AGENCIES), strict=True):
        code, said = watched(tmp_path, name, other)
        assert (code, said["size"], said["cosigned"]) == (0, said["size"], 1)
        assert verify(tmp_path / name / "audit", 3).ok


def rounds_over(node: Node) -> WitnessRounds:
    """Return the rounds of a node's log; its thread is not started."""
    rounds = rounds_of(node.data.audit, lambda: node.audit.head.size)
    assert rounds is not None
    return rounds


def release_of(node: Node) -> Entry:
    """Return any record."""
    return Entry(act="admin", obj=node.name.node)


def await_refusal(require: Callable[[], None]) -> None:
    """Wait until release is held up: a second after the last quorum."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            require()
        except UnwitnessedError:
            return
        time.sleep(0.05)
    raise AssertionError("release was not held up")


def watched(folder: Path, name: str, other: str) -> tuple[int, dict[str, Any]]:
    """Have agency `other` follow the log of `name` under its policy."""
    policy = folder / name / "audit" / "policy"
    words = ["audit", "watch", str(folder / name / "audit"), "--policy", str(policy)]
    done = CliRunner().invoke(app, [*words, "--state", str(folder / f"watch-{other}"), "--json"])
    return done.exit_code, json.loads(done.stdout)
