"""The simulated city through the workers on real Kafka: exactly the planted alerts, one release and two supervise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from services.simulator.city import City, simulate
from services.simulator.judgement import Found, alert_names, compare
from streams import alerts
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust.progress import stamp_of
from streams.supervision.model import Model
from tests.house.tree import ROOT
from tests.integration.kafka.chain_proof import read
from tests.integration.kafka.city_on_kafka import tell_city

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 2
PATIENCE = 60.0


@pytest.fixture(scope="module")
def city() -> City:
    """A small city."""
    return simulate(1, 80)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaAddress]:
    """A broker of its own: the topics of an installation have fixed names."""
    cluster = Cluster.make(tmp_path / "cluster")
    cluster.start(tied=True)
    yield cluster.address()
    cluster.remove()


@pytest.fixture
def workers(own_kafka: KafkaAddress, tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Workers by instance; ended when the test is over."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    yield started
    for process in started.values():
        process.terminate()
    for process in started.values():
        process.wait(30)


def start(kind: str, instance: str, data: Path, address: KafkaAddress) -> subprocess.Popen[bytes]:
    """Start a worker by its command."""
    with (data.parent / f"{instance}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli.app", "worker", kind, "--data", str(data), "--instance", instance],
            cwd=ROOT,
            env={**os.environ, **address.environment()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def standing(address: KafkaAddress) -> list[Found]:
    """Return every alert in the state it stands in."""
    states: dict[str, str] = {}
    for items in read(address, alerts.TOPIC, PARTITIONS):
        for item in items:
            alert = alerts.decode(item.value)
            states[alert.id] = alert.state
    return [Found(alert, state) for alert, state in states.items()]


def test_the_planted_alerts_and_no_others_stand_on_kafka(
    own_kafka: KafkaAddress, workers: dict[str, subprocess.Popen[bytes]], city: City, tmp_path: Path
) -> None:
    """Release is killed once, one supervise worker too: nothing missing, nothing unexpected, no number twice."""
    data = tmp_path / "data"
    tell_city(own_kafka, city, data, PARTITIONS)
    names = alert_names(
        {m.id: m.major for m in map(Model.load, sorted(Path("streams/supervision/models").glob("*.yaml")))}
    )
    for kind, instance in (("release", "release-1"), ("supervise", "supervise-1"), ("supervise", "supervise-2")):
        workers[instance] = start(kind, instance, data, own_kafka)
    time.sleep(4.0)
    for kind, instance in (("release", "release-1"), ("supervise", "supervise-2")):
        workers[instance].send_signal(signal.SIGKILL)
        workers[instance].wait()
        workers[instance] = start(kind, instance, data, own_kafka)

    deadline = time.monotonic() + PATIENCE
    while not (verdict := compare(city.truth, standing(own_kafka), names)).ok and time.monotonic() < deadline:
        time.sleep(1.0)

    assert (verdict.missing, verdict.unexpected) == ((), ())
    assert verdict.expected > 15
    stamps = [stamp_of(item.headers) for items in read(own_kafka, alerts.TOPIC, PARTITIONS) for item in items]
    assert len(stamps) > verdict.expected
