"""The supervisor: what stands apart is started again however often it ends, and nobody else ends by it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.node import supervisor
from services.node.supervisor import Child, Supervisor

OFTEN = supervisor.RESTARTS + 3


def test_what_stands_apart_ends_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that fails at once, more often than a node may, is started again and again; the node ends in its time."""
    monkeypatch.setattr(supervisor, "APART_SECONDS", 0.1)
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.02)
    marks = tmp_path / "marks"
    marks.touch()
    node = f"import pathlib, time\np = pathlib.Path({str(marks)!r})\nwhile p.stat().st_size < {OFTEN}: time.sleep(0.02)"
    apart = f"open({str(marks)!r}, 'a').write('x'); raise SystemExit(3)"
    said: list[str] = []
    children = [
        Child("node", [sys.executable, "-c", node], keep=False),
        Child("index", [sys.executable, "-c", apart], keep=True, apart=True),
    ]
    code = Supervisor(children, said.append).run()

    assert len(marks.read_bytes()) >= OFTEN
    assert code == 0
    assert all("index ended with 3" in line for line in said)
