"""`witness ask` and `witness fork`: exit codes and one JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from security.audit.fork import ForkEvidence
from services.cli.app import app
from tests.unit.security.audit.evidence_shop import POLICY
from tests.unit.security.audit.workshop import KEY, filled
from tests.unit.services.witness.test_witness import FORK, note


def call(*words: object) -> tuple[int, dict[str, Any]]:
    """Run a command with `--json`; return its exit code and its document."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_witnesses_without_an_address(tmp_path: Path) -> None:
    """A policy without addresses reaches nobody: no quorum, exit 5, each witness named with why."""
    filled(tmp_path / "audit")
    (tmp_path / "policy").write_text(POLICY.text, encoding="utf-8")

    code, said = call("witness", "ask", "--policy", tmp_path / "policy", "--data", tmp_path)

    assert (code, said["met"], set(said["answers"].values())) == (5, False, {"witness.no_url"})


def test_evidence_of_a_fork(tmp_path: Path) -> None:
    """Evidence that holds is told; what proves nothing leaves with 6."""
    path, key = tmp_path / "fork.json", tmp_path / "key"
    key.write_text(KEY.text, encoding="utf-8")
    path.write_bytes(
        ForkEvidence(note(11), note(20, FORK), FORK.root(11), tuple(FORK.consistency_proof(11, 20))).content
    )

    assert call("witness", "fork", path, "--public-key", key)[1]["forked"] is True
    path.write_bytes(ForkEvidence(note(11), note(20), FORK.root(11), tuple(FORK.consistency_proof(11, 20))).content)
    assert call("witness", "fork", path, "--public-key", key)[0] == 6
