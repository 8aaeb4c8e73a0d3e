"""Tests that need a real part say so: they are skipped loudly, and fail where the part is mandatory."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.house import parts


def absent() -> None:
    """Find nothing."""


def test_a_missing_part_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the marker and how to get the part."""
    monkeypatch.setitem(parts.PARTS, "browser", parts.Part(absent, "apt-get install it"))

    assert parts.missing("browser") == "real part missing: browser (apt-get install it)"


def test_a_present_part_lets_the_test_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A part that is found is no reason to skip."""
    monkeypatch.setitem(parts.PARTS, "browser", parts.Part(lambda: tmp_path, "…"))

    assert parts.missing("browser") is None


def test_parts_are_mandatory_in_ci_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing browser fails a CI run and skips elsewhere; the log that nobody can install always skips."""
    monkeypatch.delenv("CASEBUS_FINES_LOG", raising=False)

    assert parts.mandatory("browser", ci=True)
    assert not parts.mandatory("browser", ci=False)
    assert not parts.mandatory("realdata", ci=True)


def test_a_named_log_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever sets CASEBUS_FINES_LOG means it: a path without a file fails the test."""
    monkeypatch.setenv("CASEBUS_FINES_LOG", str(tmp_path / "none.csv.gz"))

    assert parts.missing("realdata")
    assert parts.mandatory("realdata", ci=False)


def test_unit_tests_reach_no_network() -> None:
    """Opening an Internet socket in a unit test raises."""
    with pytest.raises((RuntimeError, UserWarning), match="socket"):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def test_an_event_loop_still_turns() -> None:
    """An event loop wakes itself through a Unix socket pair, which stays open to unit tests."""

    async def answer() -> int:
        await asyncio.sleep(0)
        return 7

    assert asyncio.run(answer()) == 7
