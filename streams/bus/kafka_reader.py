"""Reading a Kafka: committed records only, each partition with a consumer of its own and no group.

A transaction's marker uses up an offset, and so do records that were aborted. So the end of a partition is not the
high water, and not the last stable offset either: it is one past the last record that can be read, found by looking
back from the last stable offset. Whoever stands at the end has everything.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTooOldError, KafkaTopicMissingError, KafkaUnavailableError, translated
from streams.bus.kafka_selector import QuietSelector
from streams.bus.port import Stored

# At debug level the client would write records into the log.
logging.getLogger("kafka").setLevel(logging.WARNING)

FETCH_BYTES = 8 << 20
REQUEST_MS = 20_000
BOOTSTRAP_MS = 20_000
"""After so long without a broker that answers, Kafka is said to be away."""
POLL_MS = 200
PATIENCE_SECONDS = 30.0
OLDEST = (0, 11)
"""The first protocol whose records have headers and whose producers have transactions."""


def consumer(address: KafkaAddress, client: str) -> Any:
    """Open a consumer of committed records, without a group.

    Raises:
        KafkaTooOldError: the brokers know neither headers nor transactions. KafkaError: no broker answers.
    """
    opened = KafkaConsumer(
        **address.options(),
        client_id=client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        exclude_internal_topics=True,
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=POLL_MS,
        request_timeout_ms=REQUEST_MS,
        bootstrap_timeout_ms=BOOTSTRAP_MS,
        metrics_enabled=False,
        selector=QuietSelector,
    )
    spoken = opened.config["api_version"]
    if spoken < OLDEST:
        opened.close(autocommit=False)
        raise KafkaTooOldError(found=".".join(map(str, spoken)))
    return opened


class KafkaReader:
    """Implements `Reader`. Safe for many threads, which take turns."""

    def __init__(self, address: KafkaAddress, client: str = "casebus") -> None:
        self._address = address
        self._client = client
        self._lock = threading.RLock()
        self._open: dict[TopicPartition, Any] = {}
        self._ends: dict[TopicPartition, tuple[int, int]] = {}
        self._counts: dict[str, int] = {}
        with translated():
            self._looker = consumer(address, client)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Stored]:
        """Return up to `limit` records from `offset` on.

        Raises:
            KafkaRecordsGoneError: the topic begins after `offset`.
            KafkaUnavailableError: no answer within half a minute.
        """
        end = self.end(topic, partition)
        if offset >= end or limit <= 0:
            return []
        place = TopicPartition(topic, partition)
        with self._lock, translated(topic):
            reader = self._open.get(place) or self._reader(place)
            if reader.position(place) != offset:
                reader.seek(place, offset)
            return self._gather(reader, place, end, limit)

    def end(self, topic: str, partition: int) -> int:
        """Return one past the last committed record, 0 where there is none."""
        place = TopicPartition(topic, partition)
        with self._lock, translated(topic):
            if partition not in self._looker.partitions_for_topic(topic):
                return 0
            stable = self._looker.end_offsets([place])[place]
            known = self._ends.get(place)
            if known is None or known[0] != stable:
                known = self._ends[place] = (stable, self._last_readable(place, stable) + 1)
            return known[1]

    def topics(self, prefix: str) -> list[str]:
        """Name the topics that begin with `prefix`, in order."""
        with self._lock, translated():
            return sorted(topic for topic in self._looker.topics() if topic.startswith(prefix))

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has: asked once, for it never changes.

        Raises:
            KafkaTopicMissingError: there is no such topic, or this client may not see it.
        """
        with self._lock, translated(topic):
            if topic not in self._counts:
                found = self._looker.partitions_for_topic(topic)
                if not found:
                    raise KafkaTopicMissingError(topic=topic)
                self._counts[topic] = len(found)
            return self._counts[topic]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for each in (*self._open.values(), self._looker):
                each.close(autocommit=False)
            self._open.clear()

    def _reader(self, place: TopicPartition) -> Any:
        reader = self._open[place] = consumer(self._address, self._client)
        reader.assign([place])
        reader.seek_to_beginning(place)
        return reader

    def _gather(self, reader: Any, place: TopicPartition, end: int, limit: int) -> list[Stored]:
        """Take records until there are enough, or the end is reached."""
        found: list[Stored] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found) < limit and (not found or found[-1].offset + 1 < end):
            polled = reader.poll(timeout_ms=POLL_MS, max_records=limit - len(found)).get(place, ())
            found += [
                Stored(each.offset, each.key or b"", each.value or b"", tuple(each.headers or ())) for each in polled
            ]
            if not polled and time.monotonic() > deadline:
                raise KafkaUnavailableError(reason="no answer")
        return found

    def _last_readable(self, place: TopicPartition, stable: int) -> int:
        """Return the offset of the last committed record below `stable`, -1 where there is none."""
        looker = self._looker
        first: int = looker.beginning_offsets([place])[place]
        looker.assign([place])
        back = 2
        while stable > first:
            start = max(first, stable - back)
            looker.seek(place, start)
            last = self._last_from(place, stable)
            if last is not None:
                return last
            if start == first:
                break
            back *= 4
        return first - 1

    def _last_from(self, place: TopicPartition, stable: int) -> int | None:
        """Return the offset of the last committed record from the present position up to `stable`."""
        last: int | None = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._looker.position(place) < stable:
            polled = self._looker.poll(timeout_ms=POLL_MS).get(place, ())
            if polled:
                last = polled[-1].offset
            elif time.monotonic() > deadline:
                raise KafkaUnavailableError(reason="no answer")
        return last
