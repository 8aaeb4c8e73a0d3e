"""Which topics there are and how many partitions each has: looked up once when a worker starts, and checked.

A changelog has the partitions of its source, and neither is ever given more: keys would move away from their states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.errors import IntegrityError
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError, translated
from streams.bus.kafka_reader import consumer
from streams.runners.faust import settings
from streams.runners.faust.stage import Source


class PartitionCountError(IntegrityError):
    """A changelog has another number of partitions than the topic whose states it holds."""

    code = "worker.partition_count"


@dataclass(frozen=True)
class Topology:
    """Topic → number of partitions."""

    counts: Mapping[str, int]

    @classmethod
    def of(cls, address: KafkaAddress) -> Topology:
        """Ask Kafka.

        Raises:
            KafkaUnavailableError: no broker answers.
        """
        with translated():
            client = consumer(address, "casebus-topology")
            try:
                return cls({topic: len(client.partitions_for_topic(topic) or ()) for topic in sorted(client.topics())})
            finally:
                client.close()

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; raises `KafkaTopicMissingError` where there is none."""
        count = self.counts.get(topic, 0)
        if not count:
            raise KafkaTopicMissingError(topic=topic)
        return count

    def beginning(self, prefix: str) -> tuple[str, ...]:
        """Name the topics that begin with `prefix`."""
        return tuple(topic for topic in sorted(self.counts) if topic.startswith(prefix))

    def require(self, stage: str, topics: Iterable[str]) -> None:
        """Check that a stage's inputs and changelogs are there and fit each other."""
        for topic in topics:
            name = settings.changelog(stage, topic)
            if self.partitions(name) != self.partitions(topic):
                raise PartitionCountError(topic=topic, changelog=name)

    def writers(self, stage: str, topics: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Name every writer of a stage, by its input topic."""
        return {
            topic: tuple(settings.writer(stage, Source(topic, n)) for n in range(self.partitions(topic)))
            for topic in topics
        }
