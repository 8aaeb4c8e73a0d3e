"""Single system calls of log, signer, checker, replica and witness fail, or kill the process: nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.integration.audit_faults import FAULTS, cases, disturb
from tests.integration.audit_kills import kill_at_random

SAMPLE = 12
TYPICAL = {"log": "mkdir", "witness": "write", "retire": "unlink"}
"""Work → a call that it makes besides those of all."""


@pytest.mark.slow
@pytest.mark.strace
@pytest.mark.parametrize("work", ["log", "witness", "retire"])
def test_a_call_that_fails_loses_nothing(tmp_path: Path, work: str) -> None:
    """A sample of every (call, number, fault): what was acknowledged stays, and the next start goes on."""
    every = cases(tmp_path / "count", work)
    chosen = random.Random(7).sample(every, SAMPLE if work != "retire" else SAMPLE // 2)  # noqa: S311 - a sample that can be repeated

    assert {case.fault for case in every} == set(FAULTS)
    assert {"openat", "pwrite64", TYPICAL[work]} <= {case.call for case in every}
    wrong = {case: found for n, case in enumerate(chosen) if (found := disturb(tmp_path / f"case{n}", case))}
    assert wrong == {}


@pytest.mark.slow
def test_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    """Fifty kills of a writer at random moments over one log: every acknowledged record is there at the end."""
    report = kill_at_random(tmp_path, kills=50, seed=3)

    assert report.kills == 50
    assert report.acknowledged > 50
    assert (report.lost, report.faults) == (0, [])
