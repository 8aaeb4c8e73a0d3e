"""House guard: golden bytes are only ever added, never edited, renamed or taken away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = "tests/unit/schemas/golden"
ADDED = "A"


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout


def test_golden_bytes_were_only_ever_added() -> None:
    """Neither a commit nor a change that waits touches bytes that a contract version has had; new files may come."""
    try:
        shallow = _git("rev-parse", "--is-shallow-repository").strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no history of git here: whether golden bytes were edited cannot be seen")
    seen = [_git("diff", "HEAD", "--name-status", "--", GOLDEN)]
    if shallow == "false":
        seen.append(_git("log", "--format=", "--name-status", "--", GOLDEN))
    changed = [line for lines in seen for line in lines.splitlines() if line and not line.startswith(ADDED)]

    assert changed == []
