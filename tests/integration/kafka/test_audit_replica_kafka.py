"""The replica of an audit log on a real Kafka."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from security.audit.catching_up import catch_up
from security.audit.errors import ReplicaFencedError
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.verify import verify
from streams.audit_replica import BusReplica, compare, replicated
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from tests.unit.security.audit.workshop import ORIGIN, abandon, open_log, release

pytestmark = pytest.mark.kafka


def make_topic(kafka: KafkaAddress, node: str) -> None:
    """Make the topic of a replica."""
    admin = KafkaAdminClient(**kafka.options())
    admin.create_topics(
        {f"casebus.audit.{node}": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True
    )
    admin.close()


def test_the_log_is_on_kafka_before_a_record_counts(
    kafka: KafkaAddress, run_name: Callable[[], str], tmp_path: Path
) -> None:
    """Without the topic the log refuses to be replicated; with it, every appended group stands there, byte for byte."""
    node = "replica-" + run_name()
    reader, appender = KafkaReader(kafka), KafkaAppender(kafka)
    log = open_log(tmp_path / "audit")
    log.append([release(0)])
    with pytest.raises(KafkaTopicMissingError):
        replicated(log, reader, appender, node)
    make_topic(kafka, node)

    replicated(log, reader, appender, node)
    for number in range(1, 20):
        log.append([release(number)])
        assert BusReplica(reader, appender, node).size() == number + 1
    log.close()

    assert compare(tmp_path / "audit", BusReplica(reader, appender, node)) == 20
    appender.close()
    reader.close()


def taken(directory: Path, replica: BusReplica) -> AuditLog:
    """Open a log as a node on Kafka does: the replica is taken, caught up from, and given the log."""
    replica.take()
    catch_up(directory, ORIGIN, replica)
    log = open_log(directory, floor=replica.size(), known=[replica.head] if replica.head else [])
    replica.belong(Layout(directory))
    log.replicate(replica)
    return log


def test_a_copy_catches_up_from_kafka_and_fences_the_first(
    kafka: KafkaAddress, run_name: Callable[[], str], tmp_path: Path
) -> None:
    """An older copy of the directory is started while the first still writes: it has everything, and goes on alone."""
    node = "fenced-" + run_name()
    make_topic(kafka, node)
    clients = [(KafkaReader(kafka), KafkaAppender(kafka)) for _ in range(2)]
    one, two = (BusReplica(reader, appender, node, ORIGIN) for reader, appender in clients)
    first = taken(tmp_path / "audit", one)
    first.append([release(0)])
    first.checkpoint()
    for name in ("audit", "audit-signer"):
        shutil.copytree(tmp_path / name, tmp_path / "copy" / name)
    first.append([release(n) for n in range(1, 20)])

    second = taken(tmp_path / "copy" / "audit", two)
    with pytest.raises(ReplicaFencedError):
        first.append([release(20)])
    second.append([release(21)])
    second.close()
    abandon(first)

    assert first.poisoned
    assert second.size == 21
    assert compare(tmp_path / "copy" / "audit", two) == 21
    assert verify(tmp_path / "copy" / "audit", 3, None).ok
    for reader, appender in clients:
        appender.close()
        reader.close()
