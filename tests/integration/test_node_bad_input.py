"""What an operator does to a node by mistake: a second one, a taken port, a full disk, an altered log."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.demo.check import free_port
from services.node.node import open_node
from tests.integration.delivery_proof import prove
from tests.integration.fines_node import fine, post, prepare
from tests.integration.kafka.small_disk import SmallDisk
from tests.integration.node_process import ROOT, NodeProcess

UNAVAILABLE, INTEGRITY = 5, 6
CODED = {503, 507}
DISK = 64
"""Megabytes; a log takes eight at a time."""
AGAIN_SECONDS = 90.0


def casebus(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "services.cli.app", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[NodeProcess, str]]:
    """A running node of the fines example and its source's token; ended at the end, however it fares."""
    token = prepare(tmp_path / "data")
    process = NodeProcess.on_a_free_port(tmp_path / "data")
    try:
        process.start()
        process.await_health()
        yield process, token
    finally:
        process.end()


def test_a_second_node_on_the_same_directory_is_refused(node: tuple[NodeProcess, str]) -> None:
    """Whatever else wants the directory ends with 5 and names the process that has it; that one is not disturbed."""
    running, token = node
    models = sorted((ROOT / "examples/road-fines/models").glob("*.yaml"))

    refused = [
        casebus("node", "up", "--data", running.data, "--port", free_port(), "--console-port", 0),
        casebus("node", "activate", *models, "--approver", "a", "--data", running.data, "--json"),
        casebus("model", "backtest", *models, "--events", running.data, "--json"),
    ]

    for done in refused:
        assert done.returncode == UNAVAILABLE, done.stderr
        assert "[node.locked]" in done.stderr
        assert f"process {running.pid}" in done.stderr
        assert "Traceback" not in done.stderr
    assert post(running.url, token, [1]).status_code == 202


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """Exit 5 before anything is touched, for the node's port and for the console's."""
    prepare(tmp_path / "data")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        first = casebus("node", "up", "--data", tmp_path / "data", "--port", taken, "--console-port", 0)
        second = casebus("node", "up", "--data", tmp_path / "data", "--port", free_port(), "--console-port", taken)

    for done in (first, second):
        assert done.returncode == UNAVAILABLE
        assert f"127.0.0.1:{taken}" in done.stderr
        assert "[node.port_in_use]" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_node_has_signed_everything(node: tuple[NodeProcess, str], number: signal.Signals) -> None:
    """A stop signal commits, ends with 0 and leaves a head over every record; the log says it was stopped cleanly."""
    running, token = node
    assert post(running.url, token, range(300)).status_code == 202

    code = running.stop(number)

    told = json.loads(casebus("audit", "verify", "--data", running.data, "--json").stdout)
    assert code == 0, running.said
    assert (told["ok"], told["clean"], told["size"]) == (True, True, told["records"])


def test_a_stop_while_it_opens_leaves_nothing_locked(tmp_path: Path) -> None:
    """Stopped at any moment of its start it ends by itself, and the next start finds all in order."""
    token = prepare(tmp_path / "data")
    for moment in (0.2, 0.8, 1.6, 3.0):
        opening = NodeProcess.on_a_free_port(tmp_path / "data")
        opening.start()
        time.sleep(moment)
        # Before Python has its handlers the signal ends the process by itself.
        assert opening.stop() in {0, -signal.SIGTERM}, opening.said

    node = NodeProcess.on_a_free_port(tmp_path / "data")
    try:
        node.start()
        node.await_health()
        assert post(node.url, token, [1]).status_code == 202
        assert node.stop() == 0
    finally:
        node.end()
    assert json.loads(casebus("audit", "verify", "--data", node.data, "--json").stdout)["ok"]


def test_a_flipped_bit_is_found_and_named(node: tuple[NodeProcess, str]) -> None:
    """One bit of a record, of the header, of the preallocated end: exit 6, with file and place."""
    running, token = node
    post(running.url, token, range(100))
    assert running.stop() == 0
    segment = next((running.data / "audit" / "segments").iterdir())
    whole = segment.read_bytes()

    for offset in (20, len(whole.rstrip(b"\0")) // 2, len(whole) - 5):
        altered = bytearray(whole)
        altered[offset] ^= 0x10
        segment.write_bytes(altered)
        done = casebus("audit", "verify", "--data", running.data, "--json")
        told = json.loads(done.stdout)
        assert done.returncode == INTEGRITY
        assert not told["ok"]
        assert told["faults"][0]["file"].endswith(segment.name)
        assert told["faults"][0]["kind"]
        assert told["faults"][0]["text"]
    segment.write_bytes(whole)
    assert casebus("audit", "verify", "--data", running.data, "--json").returncode == 0


@contextmanager
def supervised(data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `casebus node up` without a console."""
    ports = ("--port", str(port), "--console-port", "0")
    command = [sys.executable, "-m", "services.cli.app", "node", "up", "--data", str(data), *ports]
    with (data.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def child_of(pid: int) -> int:
    """Return the node among the children of a supervisor."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return next(int(each) for each in children if b"services.node" in Path(f"/proc/{each}/cmdline").read_bytes())


def limit(pid: int, size: int) -> None:
    """Let no file of a process grow beyond `size`: what a full disk is for its writers."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def await_answer(url: str, token: str, numbers: range) -> list[httpx.Response]:
    """Publish until it is durable, over restarts; return the answers on the way."""
    answers: list[httpx.Response] = []
    until = time.monotonic() + AGAIN_SECONDS
    while time.monotonic() < until:
        try:
            answers.append(post(url, token, numbers))
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answers[-1].status_code == 202:
            return answers
        time.sleep(0.1)
    raise AssertionError([answer.text for answer in answers[-3:]])


def statuses(answer: httpx.Response) -> dict[str, Any]:
    """Return the counts of a batch's answer."""
    return {name: value for name, value in answer.json().items() if name != "results"}


@pytest.mark.slow
def test_a_full_bus_is_told_and_passes(tmp_path: Path) -> None:
    """Where only the bus cannot grow a publisher gets a coded refusal; with space the same node goes on by itself."""
    token, port = prepare(tmp_path / "data"), free_port()
    url = f"http://127.0.0.1:{port}"
    with supervised(tmp_path / "data", port) as supervisor:
        await_answer(url, token, range(600))
        node = child_of(supervisor.pid)
        limit(node, 1 + max((tmp_path / "data" / name).stat().st_size for name in ("bus.db", "bus.db-wal")))

        refused = first_refusal(url, token)

        limit(node, resource.RLIM_INFINITY)
        await_answer(url, token, range(600, 3_000))
        assert child_of(supervisor.pid) == node
    assert_refused(refused)
    assert_nothing_lost(tmp_path / "data", 3_000)


@pytest.mark.slow
def test_a_full_audit_log_restarts_the_node_once_there_is_space(tmp_path: Path) -> None:
    """A poisoned log ends the node with 70; its supervisor starts it again until it opens, and nothing is lost."""
    token, port = prepare(tmp_path / "data"), free_port()
    url = f"http://127.0.0.1:{port}"
    with supervised(tmp_path / "data", port) as supervisor:
        await_answer(url, token, range(600))
        node = child_of(supervisor.pid)
        for pid in (supervisor.pid, node):
            limit(pid, 4_096)

        refused = first_refusal(url, token)

        said = await_words(tmp_path / "up.log", "node cannot start (5)")
        limit(supervisor.pid, resource.RLIM_INFINITY)
        await_answer(url, token, range(600, 3_000))
        assert child_of(supervisor.pid) != node
    assert_refused(refused)
    assert "node ended with 70" in said
    assert "Traceback" not in said
    assert_nothing_lost(tmp_path / "data", 3_000)


@pytest.mark.slow
def test_a_full_disk_ends_the_node_until_there_is_room(tmp_path: Path) -> None:
    """Log and bus on a disk without a byte left: refused with a code, ended with 74, and nothing lost or unrecorded."""
    disk = SmallDisk.mount(tmp_path / "data", DISK)
    try:
        token, port = prepare(disk.folder), free_port()
        url = f"http://127.0.0.1:{port}"
        with supervised(disk.folder, port) as supervisor:
            await_answer(url, token, range(600))
            node = child_of(supervisor.pid)
            disk.fill()

            refused = first_refusal(url, token)

            said = await_words(tmp_path / "up.log", "has no space on its disk")
            disk.free()
            await_answer(url, token, range(600, 3_000))
            assert child_of(supervisor.pid) != node
        assert_refused(refused)
        assert "Traceback" not in said
        assert_nothing_lost(disk.folder, 3_000)
    finally:
        disk.unmount()


def first_refusal(url: str, token: str) -> httpx.Response:
    """Publish batch after batch until one is refused."""
    for first in range(600, 3_000, 100):
        answer = post(url, token, range(first, first + 100))
        if answer.status_code != 202:
            return answer
    raise AssertionError("the limit was not felt")


def await_words(log: Path, words: str) -> str:
    """Wait until a log holds words; return it whole."""
    until = time.monotonic() + AGAIN_SECONDS
    while time.monotonic() < until:
        said = log.read_text(encoding="utf-8", errors="replace")
        if words in said:
            return said
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))


def assert_refused(answer: httpx.Response) -> None:
    """A refusal for want of space is coded, says what to do and when to come again."""
    assert answer.status_code in CODED, answer.text
    assert answer.json()["code"].partition(".")[0] in {"audit", "bus", "gateway"}
    assert answer.json()["hint"]
    assert answer.status_code != 503 or int(answer.headers["retry-after"]) > 0


def assert_nothing_lost(data: Path, events: int) -> None:
    """Every event of the test was taken once and released once, and the log verifies."""
    node = open_node(data)
    node.pump()  # what was still to be released when it was stopped
    node.close()
    proof = prove(data)
    assert proof.breaches == []
    wanted = {fine(number)["id"].replace("-", "") for number in range(events)}
    assert {event.hex() for event in proof.accepted} == wanted
    assert {event.hex() for event in proof.delivered["supervision"]} == wanted
    told = json.loads(casebus("audit", "verify", "--data", data, "--json").stdout)
    assert (told["ok"], told["clean"]) == (True, True)
