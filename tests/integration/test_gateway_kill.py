"""kill -9 of the gateway under load: what was acknowledged is there, verifies, and took effect once."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.keys.memory import MemoryKeystore
from services.gateway.receipt import Commit, Statement
from tests.integration.fines_node import prepare
from tests.integration.gateway_kill import Told, _faults, kill_under_load
from tests.integration.test_node_kill import audit_verify

KILLS = 5


@pytest.mark.slow
def test_killed_under_load(tmp_path: Path) -> None:
    """Five kills, one of them while it opens: no receipt lost, no event doubled, no letter gone, the log verifies."""
    verdict = kill_under_load(tmp_path / "data", KILLS, seed=7)

    verified = audit_verify(tmp_path / "data")
    assert verdict.faults == ()
    assert (verdict.kills, verdict.stopped, verdict.again > 0) == (KILLS, 0, True)
    assert verdict.receipts > 50
    assert verdict.letters > 0
    assert (verified["ok"], verified["faults"]) == (True, [])


def test_the_proof_can_fail(tmp_path: Path) -> None:
    """A receipt of another key, of a record that is not there, a letter that is gone: each is told."""
    prepare(tmp_path / "data")
    keys = MemoryKeystore()
    keys.provision_signer("other")
    statement = Statement(at=1, body="", id="019ca1b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b", node="fines", seq=0, source="a/b")
    told = Told(receipts=[(b"", Commit((statement,), keys.signer("other")).receipt(0))], letters={3})

    faults = " | ".join(_faults(tmp_path / "data", told))

    assert "does not verify" in faults
    assert "names no record of its event" in faults
    assert "dead letter 3 is gone" in faults
    assert "was acknowledged and is not on the bus" in faults
