"""A Kafka behind a slow, narrow and broken network: nothing is lost, everything goes on by itself, metrics tell."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from deploy.kafka.ports import LOOPBACK, free_ports
from schemas.errors import UnavailableError
from services.node.node import Node
from tests.integration.gateway_kill import Told
from tests.integration.kafka.gateway_faults import PARTITIONS, Torment, faults, said, settle, three_offices
from tests.integration.kafka.installation import Installation, wait_for
from tests.integration.kafka.slow_network import Network
from tests.integration.kafka.whole_proof import prove

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

DELAY = 0.1
"""One way: an answer takes a fifth of a second."""
RATE = 100_000.0
PATIENCE = 60.0


@pytest.fixture
def network() -> Iterator[Network]:
    """The way to the broker."""
    made = Network()
    yield made
    made.stop()


@pytest.fixture
def office(network: Network, tmp_path: Path) -> Iterator[Installation]:
    """Three sources on a broker of their own behind that network."""
    cluster = Cluster.make(tmp_path / "cluster", extra=network.listeners)
    network.target = cluster.seats[0].port
    network.start()
    cluster.start(tied=True)
    address = replace(cluster.address(), bootstrap=f"{LOOPBACK}:{network.port}")
    made = Installation(address, tmp_path / "data", three_offices(), PARTITIONS)
    yield made
    made.stop()
    network.mend()
    cluster.remove()


def publish(node: Node, told: Told, source: str, numbers: range) -> None:
    """Publish one batch until it is answered, as a publisher does."""
    events = [said(source, number) for number in numbers]
    bodies = [json.dumps(event).encode() for event in events]
    until = time.monotonic() + PATIENCE
    while True:
        try:
            outcomes = node.door.accept(source, events, bodies=bodies)
        except UnavailableError as error:
            if time.monotonic() > until:
                raise
            told.again += 1
            told.unexpected += [] if error.code.startswith("kafka.") else [error.code]
        else:
            told.receipts += [(body, one.receipt) for body, one in zip(bodies, outcomes, strict=True) if one.receipt]
            return


def slowest(port: int) -> float:
    """Return the mean time of a worker's transactions, seconds, over its slowest partition, as its metrics tell."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if "_transaction" in line]
    values = {name: float(value) for name, _, value in lines if not name.startswith("#")}
    spent = {name: value for name, value in values.items() if "_seconds_total" in name}
    means = [
        t / n for name, t in spent.items() if (n := values[name.replace("_transaction_seconds_", "_transactions_")])
    ]
    return max(means, default=0.0)


def test_slow_and_broken(office: Installation, network: Network) -> None:
    """A fifth of a second and 100 KB/s, connections reset midway: all acknowledged is there, once, and in time."""
    office.make_topics()
    (port,) = free_ports(1)
    node = office.node()
    told = Told()
    try:
        office.start("release", "release-1", "--metrics", str(port))
        office.start("supervise", "supervise-1")
        publish(node, told, "roadpolice-IT/north", range(10))
        node.pump()
        network.delay, network.rate = DELAY, RATE
        breaking = threading.Thread(target=_break, args=(network,))
        breaking.start()
        for turn, source in enumerate(node.sources.all() * 2):
            publish(node, told, source.id, range(100 + 20 * turn, 120 + 20 * turn))
        breaking.join()
        assert wait_for(lambda: slowest(port) > 2 * DELAY, 30)
    finally:
        node.close()
    network.mend()
    pages = settle(office)
    office.stop()

    run = Torment.of(office, 1)
    run.told["hall"] = told
    whole = prove(office)
    assert whole.breaches + faults(office, run, whole, {"hall": office.data}, pages) == []
    assert network.resets > 10
    assert len(told.receipts) == 130
    assert len(whole.standing) > 20


def _break(network: Network) -> None:
    """Break every connection a few times while a batch is on its way."""
    for _ in range(3):
        time.sleep(1.0)
        network.reset()
