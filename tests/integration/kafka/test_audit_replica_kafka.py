"""The replica of an audit log on a real Kafka."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from streams.audit_replica import BusReplica, compare, replicated
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from tests.unit.security.audit.workshop import open_log, release

pytestmark = pytest.mark.kafka


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
    admin = KafkaAdminClient(**kafka.options())
    admin.create_topics(
        {f"casebus.audit.{node}": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True
    )
    admin.close()

    replicated(log, reader, appender, node)
    for number in range(1, 20):
        log.append([release(number)])
        assert BusReplica(reader, appender, node).size() == number + 1
    log.close()

    assert compare(tmp_path / "audit", BusReplica(reader, appender, node)) == 20
    appender.close()
    reader.close()
