"""Ctrl-C in every long command: it ends within seconds, says how, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.demo.check import free_port
from tests.integration.fines_node import HEADER, MAPPING, SITE, prepare, row
from tests.integration.node_process import ROOT

INTERRUPTED = 130
START_SECONDS = 90.0
END_SECONDS = 20.0
Words = Callable[[str], bool]


def large(folder: Path) -> Path:
    """Write a log that takes long to read."""
    path = folder / "log.csv"
    path.write_text("\n".join([HEADER, *map(row, range(400_000)), ""]), encoding="utf-8")
    return path


def interrupted(folder: Path, arguments: list[object], under_way: Words) -> tuple[int, str]:
    """Run a command, press Ctrl-C once it is under way, return its exit code and what it said.

    Ctrl-C reaches the whole foreground group, as a terminal sends it.
    """
    log = folder / "said.log"
    # The console's framework behaves differently under pytest; this is a process of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.app", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not under_way(log.read_text(encoding="utf-8")):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        began = time.monotonic()
        code = process.wait(START_SECONDS)
        assert time.monotonic() - began < END_SECONDS
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return code, log.read_text(encoding="utf-8")


def assert_nobody_left(folder: Path) -> None:
    """No process works in the folder any more, whoever its parent is now."""
    left = [
        pid
        for pid in (entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal())
        if int(pid) != os.getpid() and str(folder) in command_of(pid)
    ]
    assert left == []


def command_of(pid: str) -> str:
    """Return a process's command line; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.slow
@pytest.mark.parametrize("words", ["node.serving", "events published"])
def test_ctrl_c_in_a_demonstration_check(tmp_path: Path, words: str) -> None:
    """Just started, and in the middle: exit 130, the node process is gone."""
    arguments = ["demo", "--check", "--cases", 40, "--data", tmp_path / "demo"]

    code, said = interrupted(tmp_path, arguments, lambda told: words in told)

    assert code == INTERRUPTED
    assert "interrupted" in said
    assert "Traceback" not in said
    assert_nobody_left(tmp_path)


def test_ctrl_c_in_a_running_node(tmp_path: Path) -> None:
    """`node up` stops node and console cleanly and ends with 0."""
    prepare(tmp_path / "data")
    ports = ["--port", free_port(), "--console-port", free_port()]

    code, said = interrupted(
        tmp_path, ["node", "up", "--data", tmp_path / "data", *ports], lambda told: "node.serving" in told
    )

    assert code == 0
    assert "node.stopped" in said
    assert "Traceback" not in said
    assert_nobody_left(tmp_path)


@pytest.mark.slow
def test_ctrl_c_in_a_back_test_over_a_file(tmp_path: Path) -> None:
    """Exit 130, no trace of an exception."""
    models = sorted((ROOT / "examples/road-fines/models").glob("*.yaml"))
    log = large(tmp_path)
    began = time.monotonic()

    code, said = interrupted(
        tmp_path,
        ["model", "backtest", *models, "--events", log, "--mapping", MAPPING],
        lambda _: time.monotonic() - began > 2,
    )

    assert code == INTERRUPTED
    assert "Traceback" not in said
    assert_nobody_left(tmp_path)


@pytest.mark.slow
def test_ctrl_c_in_an_import_and_in_what_follows_it(tmp_path: Path) -> None:
    """While rows come in, and while they are released and supervised: exit 130; the same command then goes on."""
    prepare(tmp_path / "data")
    path = tmp_path / "log.csv"
    path.write_text("\n".join([HEADER, *map(row, range(20_000)), ""]), encoding="utf-8")
    arguments: list[object] = ["import", path, "--mapping", MAPPING, "--site", SITE, "--data", tmp_path / "data"]
    written = tmp_path / "data" / "import"

    first, _ = interrupted(tmp_path, arguments, lambda _: any(written.glob("*.position.json")))
    second, said = interrupted(tmp_path, arguments, lambda told: "releasing and supervising" in told)
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.app", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert (first, second, done.returncode) == (INTERRUPTED, INTERRUPTED, 0)
    assert "Traceback" not in said
    assert "accepted: 20000" in done.stdout
    assert_nobody_left(tmp_path)
