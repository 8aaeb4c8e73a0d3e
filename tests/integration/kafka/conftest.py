"""A real Kafka for the tests of this folder: one broker on free ports in a temporary folder, for the whole session."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Iterator

import pytest

from deploy.kafka.cluster import Cluster
from streams.bus.kafka_address import KafkaAddress


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaAddress]:
    """The address of the broker."""
    cluster = Cluster.make(tmp_path_factory.mktemp("kafka") / "cluster", extra={"group.min.session.timeout.ms": "1000"})
    cluster.start(tied=True)
    yield cluster.address()
    cluster.remove()


@pytest.fixture(scope="module")
def tls_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A broker that asks for certificates; one a module, for the topics of an installation have fixed names."""
    cluster = Cluster.make(tmp_path_factory.mktemp("kafka-tls") / "cluster", tls=True)
    cluster.start(tied=True)
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def run_name() -> Callable[[], str]:
    """Answers a name that no other run on this broker has."""
    names = ("".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=3))
    return lambda: next(names)
