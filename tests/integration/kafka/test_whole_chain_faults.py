"""The whole chain on Kafka in one life full of faults: publishers over HTTP, a node, release, supervise, pages.

A second gateway stands beside the node, with its own log and one of the sources. In turn: the disks of release and
supervise are full, node, gateway and workers are killed by kill -9, the network is slow, narrow, broken and gone, the
disk of the node is full. Publishing never pauses. At the end everything is held against the logs and a pure fold: every
receipt verifies, every event took effect once, delivered ⊆ audited. One raw partition has no event at all and holds
nothing up.
"""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx
import pytest

from deploy.kafka.cluster import Cluster
from deploy.kafka.ports import LOOPBACK, free_ports
from services.node.supervisor import FULL, WANTING
from services.worker.assembly import WORKERS
from tests.integration.kafka.gateway_faults import PARTITIONS, Torment, begun, proven, said, three_offices
from tests.integration.kafka.installation import Installation, wait_for
from tests.integration.kafka.slow_network import Network
from tests.integration.kafka.small_disk import SmallDisk

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KILLS = 3
NODE, RELEASE = 96, 24
"""Megabytes; a log takes eight at a time."""
DELAY, RATE = 0.1, 100_000.0
"""Seconds one way: an answer takes a fifth of a second. Bytes a second of a connection."""
RESETS = 3
GONE_SECONDS = 6.0
PATIENCE = 120.0


@dataclass
class Ground:
    """An installation on disks and behind a network of its own; `metrics` is the port of release's."""

    office: Installation
    network: Network
    node: SmallDisk
    release: SmallDisk
    supervise: SmallDisk
    metrics: int


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """Three sources on a broker of their own: the topics of an installation have fixed names."""
    node = SmallDisk.mount(tmp_path / "data", NODE)
    release = SmallDisk.mount(node.folder / WORKERS / "release-1", RELEASE)
    supervise = SmallDisk.mount(node.folder / WORKERS / "supervise-1", RELEASE)
    network = Network()
    cluster = Cluster.make(tmp_path / "cluster", extra=network.listeners)
    network.target = cluster.seats[0].port
    network.start()
    cluster.start(tied=True)
    address = replace(cluster.address(), bootstrap=f"{LOOPBACK}:{network.port}")
    office = Installation(address, node.folder, three_offices(), PARTITIONS)
    (metrics,) = free_ports(1)
    office.options["release-1"] = ("--metrics", str(metrics))
    yield Ground(office, network, node, release, supervise, metrics)
    office.stop()
    cluster.remove()
    network.stop()
    supervise.unmount()
    release.unmount()
    node.unmount()


def test_the_whole_chain_under_faults(ground: Ground) -> None:
    """Receipts, topics, logs, alerts and pages agree, whatever happened on the way."""
    ground.release.fill()
    ground.supervise.fill()
    run = begun(ground.office, seed=3)
    try:
        run.start()
        assert misdirected(run) == (421, "gateway.elsewhere", "annex")
        workers_disks(ground)
        run.run(KILLS, ("release-1", "supervise-1"))
        network(ground, run)
        no_network(ground, run)
        codes = node_s_disk(ground, run)
        whole = proven(ground.office, run)
    finally:
        run.end()

    assert whole.breaches == []
    assert run.kills == {"hall": KILLS, "annex": KILLS, "release-1": 2, "supervise-1": 1}
    assert all(told.again > 0 and len(told.receipts) > 30 for told in run.told.values())
    assert (whole.idle, len(whole.standing) > 20) == (1, True)
    assert whole.deliveries > 2 * len(whole.raw)
    assert set(codes) <= {FULL, WANTING}
    assert run.refused & {"audit.poisoned", "gateway.disk_full"}


def misdirected(run: Torment) -> tuple[int, str, str]:
    """Publish at the node for a source of the other gateway; return status, code, and where the answer sends it."""
    ((source, token),) = run.tokens["annex"].items()
    headers = {"authorization": f"Bearer {token}"}
    url = f"{run.gateways['hall'].url}/v1/events"
    answer = httpx.post(url, json=said(source, 9_000_000), headers=headers, timeout=60, trust_env=False)
    told = answer.json()
    return answer.status_code, told["code"], told["message"].rpartition(" ")[2]


def workers_disks(ground: Ground) -> None:
    """Release and supervise do not start without space, and say so; with space they go on by themselves."""
    with started_again(ground.office):
        for worker in ("release-1", "supervise-1"):
            said = (ground.office.data.parent / f"{worker}.log").read_text
            assert wait_for(partial(_tells, said, "No space left on device"), PATIENCE), worker
        ground.release.free()
        ground.supervise.free()


def _tells(said: Callable[[], str], words: str) -> bool:
    return words in said()


def network(ground: Ground, run: Torment) -> None:
    """Each answer of Kafka takes its time, connections break midway: the metrics tell, and publishers are answered."""
    before = ground.network.resets
    for process in run.gateways.values():
        process.await_health()
    ground.network.delay, ground.network.rate = DELAY, RATE
    receipts = {name: len(told.receipts) for name, told in run.told.items()}
    with started_again(ground.office):
        for _ in range(RESETS):
            time.sleep(0.8)
            ground.network.reset()
        assert wait_for(lambda: all(len(run.told[n].receipts) > m for n, m in receipts.items()), PATIENCE)
        assert wait_for(lambda: slowest(ground.metrics) > DELAY, PATIENCE)
    assert ground.network.resets > before + 10
    ground.network.mend()


def no_network(ground: Ground, run: Torment) -> None:
    """Nobody reaches Kafka for a while: nothing is acknowledged, and everybody goes on when it is back."""
    with started_again(ground.office, run):
        ground.network.cut()
        time.sleep(GONE_SECONDS / 2)
        receipts = {name: len(told.receipts) for name, told in run.told.items()}
        time.sleep(GONE_SECONDS / 2)
        assert {name: len(told.receipts) for name, told in run.told.items()} == receipts
        ground.network.mend()
        assert wait_for(lambda: all(len(run.told[n].receipts) > m for n, m in receipts.items()), PATIENCE)


def node_s_disk(ground: Ground, run: Torment) -> list[int]:
    """Publishers are refused with a code, the node ends and waits for space, and goes on. Returns its exit codes."""
    told = run.told["hall"]
    with started_again(ground.office, run) as codes:
        ground.node.fill()
        assert wait_for(lambda: {FULL, WANTING} & set(codes), PATIENCE), codes
        ground.node.free()
        receipts = len(told.receipts)
        assert wait_for(lambda: len(told.receipts) > receipts + 5, PATIENCE)
    return codes


@contextmanager
def started_again(office: Installation, run: Torment | None = None) -> Iterator[list[int]]:
    """Start workers again whenever they end, and the gateways of a run, whose exit codes are kept."""
    codes, done = list[int](), threading.Event()
    gateways = list(run.gateways.values()) if run else []

    def keep() -> None:
        while not done.wait(0.2):
            office.tend()
            for process in gateways:
                code = process.process.poll() if process.process else None
                if code is not None:
                    codes.append(code)
                    process.start()

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield codes
    finally:
        done.set()
        thread.join()


def slowest(port: int) -> float:
    """Return the mean time of a worker's transactions, seconds, over its slowest partition; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
            told = answer.read().decode()
    except OSError:
        return 0.0
    lines = [line.rpartition(" ") for line in told.splitlines() if line.startswith("casebus_worker_transaction")]
    values = {name: float(value) for name, _, value in lines}
    spent = {name: value for name, value in values.items() if "_seconds_total" in name}
    means = [
        t / n for name, t in spent.items() if (n := values[name.replace("_transaction_seconds_", "_transactions_")])
    ]
    return max(means, default=0.0)
