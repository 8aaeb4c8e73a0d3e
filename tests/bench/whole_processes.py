"""The processes of `kafka-whole`: a node on Kafka and its workers by their commands, and what they tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.kafka.processes import end_with_parent
from services.demo.check import free_port
from services.node.timekeeping import save_scaled
from services.node.tokens import issue
from tests.bench.whole_load import Plan
from tests.integration.kafka.installation import Installation
from tests.integration.node_process import ROOT

STAGES = ("release", "supervise")
START_SECONDS = 90.0
SETTLE_SECONDS = 120.0
STOP_SECONDS = 60.0
STATE_MIB = int(os.environ.get("CASEBUS_BENCH_STATE_MIB", "24"))
BOUND = ("--state-memory", str(STATE_MIB))
"""So little that the workers have used it up before half of a run of a minute: what memory grows by then is growth."""
TICKS = 20
"""Records of a partition that a stage may be behind and still count as having come to the end: marks go on."""


@dataclass
class Running:
    """What runs: the data directory, the plan, ports of metrics by stage, pids by name."""

    office: Installation
    plan: Plan
    node_port: int
    ports: dict[str, int] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)


def prepared(office: Installation, batch: int, share: int, clock_rate: float) -> Plan:
    """Make the node, put it on a scaled clock, give the sources their tokens; return a plan without phases."""
    node = office.node()
    tokens = {source.id: issue(node, source.id) for source in node.sources.all()}
    clock_file = node.data.clock
    node.close()
    now = time.time_ns() // 1000
    save_scaled(clock_file, started=now, origin=now, rate=clock_rate)
    return Plan(tokens, batch, [], now, now, clock_rate, share)


@contextmanager
def processes(running: Running) -> Iterator[None]:
    """Run the node and the workers."""
    data, address = running.office.data, running.office.address
    running.ports = {stage: free_port() for stage in STAGES}
    commands = {
        "node": ["node", "up", "--kafka", address.bootstrap, "--port", str(running.node_port), "--console-port", "0"],
        **{s: ["worker", s, "--instance", f"{s}-1", "--metrics", str(running.ports[s]), *BOUND] for s in STAGES},
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in commands.items():
            started.append(_started(running.office, name, [*command, "--data", str(data)]))
            running.pids[name] = started[-1].pid
        await_ready(running)
        yield
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(STOP_SECONDS)


def _started(office: Installation, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    with (office.data.parent / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli.app", *command],
            cwd=ROOT,
            env={**os.environ, **office.address.environment()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - started by the main thread, before any other
        )


def await_ready(running: Running) -> None:
    """Wait until the node answers and every worker holds its partitions."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            fetched(running.node_port, "/v1/health")
            if all(lag(running, stage) is not None for stage in STAGES):
                return
        except OSError:
            pass
        if time.monotonic() > until:
            said = "".join(path.read_text(encoding="utf-8") for path in running.office.data.parent.glob("*.log"))
            raise AssertionError(said)
        time.sleep(0.2)


def fetched(port: int, path: str) -> str:
    """Fetch a page of loopback."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def metric(running: Running, stage: str, name: str, *labels: str) -> float | None:
    """Return a metric of a worker, added up over its partitions; None where it tells none."""
    lines = fetched(running.ports[stage], "/metrics").splitlines()
    found = [line for line in lines if line.startswith(name + "{") and all(label in line for label in labels)]
    return sum(float(line.rpartition(" ")[2]) for line in found) if found else None


def lag(running: Running, stage: str) -> float | None:
    """Return how many records a stage is behind."""
    return metric(running, stage, "casebus_worker_lag_records")


def settle(running: Running) -> None:
    """Wait until no stage is behind by more than what a tick of the marks brings."""
    until = time.monotonic() + SETTLE_SECONDS
    while (
        any((lag(running, stage) or 0) > TICKS * running.office.partitions for stage in STAGES)
        and time.monotonic() < until
    ):
        time.sleep(0.5)
