"""kill -9 of the node process while a city is told to it: the same alerts as if nothing had happened."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from services.demo.outcome import outcome_of
from services.demo.stage import prepare, step_clock
from services.simulator.city import simulate
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Record
from streams.runners.releasing import MANIFEST
from tests.integration.city_replay import Killer, StubbornPublisher, planned, replay
from tests.integration.delivery_proof import VIEWS, prove
from tests.integration.node_process import ROOT, NodeProcess

SEED, CASES, KILLS = 11, 40, 3


@pytest.mark.slow
def test_killed_in_the_middle_of_a_replay(tmp_path: Path) -> None:
    """Three kills: no alert lost, none doubled, the audit log verifies, nothing was delivered that it does not name."""
    city = simulate(SEED, CASES)
    rng = random.Random(SEED)  # noqa: S311 - kills that can be repeated
    stage = prepare(tmp_path / "data", city.start_us, seed=SEED, cases=CASES)
    step_clock(stage, city.start_us)
    node = NodeProcess.on_a_free_port(stage.data)
    publisher = StubbornPublisher(node.url, stage.tokens, city.start_us)
    killer = Killer(node, publisher, rng, planned(rng, city, KILLS))
    try:
        node.start()
        replay(city, publisher, killer)
        code = node.stop()
    finally:
        publisher.close()
        node.end()
    outcome, proof = outcome_of(stage.data, city, 0.0), prove(stage.data)
    verified = audit_verify(stage.data)

    assert (code, killer.kills >= KILLS, publisher.again > 0) == (0, True, True)
    assert (outcome.verdict.missing, outcome.verdict.unexpected) == ((), ())
    assert outcome.verdict.expected > 10
    assert proof.breaches == []
    assert set(proof.delivered["panorama"]) == proof.shown
    assert len(proof.accepted) == city.events
    assert proof.deliveries > 2 * city.events
    assert (verified["ok"], verified["faults"], verified["clean"]) == (True, [], True)
    assert verified["size"] == verified["records"]


def test_the_proof_can_fail(tmp_path: Path) -> None:
    """A view without a manifest, one that names a record that is not there, one that names no release: each is told."""
    stage = prepare(tmp_path / "data", simulate(SEED, 1).start_us, seed=SEED, cases=1)
    bus = EmbeddedBus(stage.data / "bus.db")
    headers = (("ce_id", b"00000000-0000-8000-8000-000000000001"),)
    for cited in (b"", b"demo/99999", b"demo/0"):
        bus.append(VIEWS + "made-up", 0, [Record(b"k", b"v", (*headers, (MANIFEST, cited)))])
    bus.close()

    breaches = " | ".join(prove(stage.data).breaches)

    assert "0: names no record of this log ()" in breaches
    assert "1: names no record of this log (demo/99999)" in breaches
    assert "2: record 0 is no release" in breaches
    assert "2: not in the manifest" in breaches


def audit_verify(data: Path) -> dict[str, object]:
    """Run `casebus audit verify` as the security officer would."""
    command = [sys.executable, "-m", "services.cli.app", "audit", "verify", "--data", str(data), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))
