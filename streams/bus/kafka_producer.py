"""Producers: acknowledged by every copy in step, idempotent, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from schemas.errors import CasebusError
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError, coded, translated
from streams.bus.kafka_reader import KafkaReader
from streams.bus.kafka_selector import QuietSelector
from streams.bus.port import Record

REQUEST_BYTES = 8 << 20
BATCH_BYTES = 1 << 20
REQUEST_MS = 20_000
DELIVERY_MS = 120_000
BLOCK_MS = 10_000
STEP_MS = 30_000
"""After this long a step is given up, before the coordinator aborts it: the client may lose a request of a transaction
when a connection breaks, and then waits in vain, for a commit without end."""


def producer(address: KafkaAddress, client: str, **options: Any) -> Any:
    """Open an idempotent producer; options go over the house's own."""
    return KafkaProducer(
        **{
            **address.options(),
            "client_id": client,
            "acks": "all",
            "enable_idempotence": True,
            "allow_auto_create_topics": False,
            "linger_ms": 0,
            "batch_size": BATCH_BYTES,
            "max_request_size": REQUEST_BYTES,
            "request_timeout_ms": REQUEST_MS,
            "delivery_timeout_ms": DELIVERY_MS,
            "max_block_ms": BLOCK_MS,
            "bootstrap_timeout_ms": REQUEST_MS,
            "metrics_enabled": False,
            "selector": QuietSelector,
            **options,
        }
    )


def send(sender: Any, topic: str, partition: int, records: Sequence[Record]) -> list[Any]:
    """Hand records to a producer, in order; return their futures.

    Raises:
        KafkaTimeoutError: Kafka does not answer, or has no such topic: a producer cannot tell (`told`).
        UnknownTopicOrPartitionError: the topic has no such partition.
    """
    if partition not in sender.partitions_for(topic):
        raise UnknownTopicOrPartitionError
    return [
        sender.send(topic, value=record.value, key=record.key, headers=list(record.headers), partition=partition)
        for record in records
    ]


def settled(sender: Any, futures: Sequence[Any]) -> int:
    """Wait until every record is acknowledged; return the offset of the last one. Raises the first failure.

    Where the producer was given up meanwhile (None), its records have failed already.
    """
    if sender is not None:
        sender.flush(timeout=DELIVERY_MS / 1000)
    offsets = [int(future.get(timeout=0).offset) for future in futures]
    return offsets[-1]


def told(error: KafkaError, topic: str, topics: Callable[[str], list[str]]) -> CasebusError:
    """Return the coded error; where a producer only waited, ask with `topics` whether the topic is there at all."""
    found = coded(error, topic)
    if not isinstance(error, KafkaTimeoutError) or not topic:
        return found
    try:
        return found if topic in topics(topic) else KafkaTopicMissingError(topic=topic)
    except CasebusError:
        return found


def within(seconds: float, act: Callable[[], object]) -> None:
    """Do something that the client itself would wait for without end; raises what it raises.

    Raises:
        KafkaTimeoutError: it has not come to an end. Its thread is left behind, and ends when the producer is closed.
    """
    ended: Future[object] = Future()

    def run() -> None:
        try:
            ended.set_result(act())
        except BaseException as error:  # noqa: BLE001 - it is raised again, by the thread that waits
            ended.set_exception(error)

    threading.Thread(target=run, name="kafka-transaction", daemon=True).start()
    try:
        ended.result(seconds)
    except TimeoutError as error:
        raise KafkaTimeoutError("no answer") from error


class KafkaAppender:
    """Implements `Appender`: in order, each record once, acknowledged by every copy in step when it returns.

    A producer that was refused a record sends nothing more, whatever it is given: a new one takes its place.
    """

    def __init__(self, address: KafkaAddress, client: str = "casebus") -> None:
        self._lock = threading.Lock()
        self._address = address
        self._client = client
        self._producer: Any = self._opened()

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append durably; return the offset of the last record.

        Raises:
            KafkaUnavailableError: not acknowledged within two minutes; some of the records may stand.
            KafkaTopicMissingError, KafkaRecordTooLargeError, KafkaDeniedError: nothing stands.
        """
        return self.settle(topic, self.begin(topic, partition, records))

    def begin(self, topic: str, partition: int, records: Sequence[Record]) -> list[Any]:
        """Send records without waiting; what is returned goes to `settle`. Raises what `append` does."""
        if not records:
            raise ValueError("nothing to append")
        with self._told(topic), self._lock:
            if self._producer is None:
                self._producer = self._opened()
            return send(self._producer, topic, partition, records)

    def settle(self, topic: str, futures: Sequence[Any]) -> int:
        """Wait for what `begin` sent; return the offset of the last record. Raises what `append` does."""
        with self._told(topic):
            return settled(self._producer, futures)

    def append_all(self, rows: Mapping[tuple[str, int], Sequence[Record]]) -> None:
        """Append to several partitions (topic, number) at once; raises what `append` does, some may stand then."""
        sent = [(topic, self.begin(topic, partition, records)) for (topic, partition), records in rows.items()]
        for topic, futures in sent:
            self.settle(topic, futures)

    @contextmanager
    def _told(self, topic: str) -> Iterator[None]:
        """Code what Kafka says; a producer that waited in vain goes on, any other that failed is given up."""
        try:
            yield
        except KafkaError as error:
            if not isinstance(error, KafkaTimeoutError):
                with self._lock:
                    self.close(0)
            raise told(error, topic, self._topics) from error

    def _opened(self) -> Any:
        with translated():
            return producer(self._address, self._client)

    def _topics(self, prefix: str) -> list[str]:
        with closing(KafkaReader(self._address)) as reader:
            return reader.topics(prefix)

    def close(self, seconds: float = BLOCK_MS / 1000) -> None:
        """Close the connection."""
        if self._producer is not None:
            self._producer.close(timeout=seconds)
            self._producer = None
