"""The supervisor: which ends of a node it answers with another start, and that nobody ends by what stands apart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.node import supervisor
from services.node.stopping import code_of
from services.node.supervisor import CRASHED, FULL, RESTARTS, WANTING, Child, Supervisor

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


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    """A child that is not really started."""
    monkeypatch.setattr(supervisor, "WANTING_SECONDS", 0.0)
    monkeypatch.setattr(Child, "start", lambda self: setattr(self, "starts", self.starts + 1))
    return Child("node", ["true"], keep=False, starts=1)


def test_a_full_disk_is_waited_for_however_long_it_lasts(child: Child) -> None:
    """Also where the node can be opened each time and only then finds no room."""
    said = list[str]()
    kept = Supervisor([child], said.append)

    assert all(kept._again(child, code) for code in [FULL, WANTING] * RESTARTS)
    assert child.starts == 1 + 2 * RESTARTS
    assert "no space on its disk (74)" in said[0]


def test_a_node_that_never_ran_is_not_tried_again(child: Child) -> None:
    """What keeps it from starting the first time is for the operator."""
    assert not Supervisor([child], print)._again(child, WANTING)


def test_a_node_that_crashes_again_and_again_is_given_up(child: Child) -> None:
    """A loop must not hide it."""
    kept = Supervisor([child], list[str]().append)

    assert [kept._again(child, CRASHED) for _ in range(RESTARTS + 1)] == [True] * RESTARTS + [False]


@pytest.mark.parametrize(("poison", "code"), [("ENOSPC", FULL), ("EDQUOT", FULL), ("EIO", CRASHED), (None, CRASHED)])
def test_an_audit_log_that_ended_for_want_of_space_says_so(poison: str | None, code: int) -> None:
    """Everything else is a crash."""
    assert code_of(poison) == code
