"""Following many partitions at once: one consumer, committed records only, positions kept by whoever follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kafka import TopicPartition

from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError, translated
from streams.bus.kafka_reader import consumer
from streams.bus.port import Stored

Place = tuple[str, int]
"""Topic, partition."""


class Page(NamedTuple):
    """Records of one partition, in order."""

    topic: str
    partition: int
    records: list[Stored]


class KafkaFollower:
    """Reads partitions from given positions on; one thread drives it. It waits where Kafka is away, and goes on."""

    def __init__(self, address: KafkaAddress, client: str, positions: Mapping[Place, int]) -> None:
        """Begin to follow.

        Raises:
            KafkaUnavailableError: no broker answers. KafkaTopicMissingError: a partition does not exist.
        """
        with translated():
            self._consumer: Any = consumer(address, client)
            for topic, partition in positions:
                if partition not in (self._consumer.partitions_for_topic(topic) or ()):
                    raise KafkaTopicMissingError(topic=topic)
            self._consumer.assign([TopicPartition(*place) for place in positions])
            for place, position in positions.items():
                self._consumer.seek(TopicPartition(*place), position)

    def poll(self, seconds: float, limit: int) -> list[Page]:
        """Return up to `limit` records as they come, none after `seconds`.

        Raises:
            KafkaRecordsGoneError: records that were not read yet are there no more.
        """
        with translated():
            polled = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=limit)
        return [
            Page(
                place.topic,
                place.partition,
                [Stored(r.offset, r.key or b"", r.value or b"", tuple(r.headers or ())) for r in records],
            )
            for place, records in polled.items()
            if records
        ]

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close(autocommit=False)
