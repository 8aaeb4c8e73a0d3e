"""The bus on Apache Kafka, for one worker at a time of each name.

A worker's name is its transactional id: opening it fences whoever held the name before, aborts what they left open, and
only then reads the worker's changelog, a compacted partition with its stores and positions (`kafka_changelog`). From
then on each transaction writes outputs and changelog together. A worker that loses its name works no more. One whose
transaction failed for another reason takes its name anew at the next step, which reads what was committed.

Raw topics are the exception: release's gate counts their offsets, so no marker may stand in them. What a step appends
to a raw topic stands at once, whatever becomes of the step; release tells repeats by (source, event id).

    with KafkaBus(address, "gateway.n1") as bus: …      # topic casebus.changelog.gateway.n1 must exist
    KafkaReader(address)                                # for those who only look
    KafkaAppender(address)                              # for those who only write
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from kafka import TopicPartition
from kafka.errors import KafkaError

from schemas.errors import CasebusError
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_changelog import Row, Stores
from streams.bus.kafka_errors import (
    KafkaFencedError,
    KafkaTopicMissingError,
    KafkaUnavailableError,
    coded,
    translated,
)
from streams.bus.kafka_producer import STEP_MS, producer, told, within
from streams.bus.kafka_reader import POLL_MS, KafkaReader, consumer
from streams.bus.kafka_transaction import KafkaTransaction, Place, PlainTopics
from streams.bus.port import Record, Stored

PREFIX = "casebus."
CHANGELOG = "casebus.changelog."
TRANSACTION_MS = 60_000
PLAIN = ("casebus.raw.",)
"""Topics that no transaction writes."""
MARKER_SECONDS = 0.002
PATIENCE_SECONDS = 30.0


class KafkaBus:
    """Implements `Bus`. Safe for many threads of one process; transactions take turns."""

    def __init__(self, address: KafkaAddress, name: str, plain: tuple[str, ...] = PLAIN) -> None:
        self.name = name
        self.changelog = CHANGELOG + name
        self.stores = Stores()
        self._address = address
        self._reader = KafkaReader(address, name)
        self._lock = threading.RLock()
        self._producer: Any = None
        self._plain = PlainTopics(address, name, plain)
        self._fenced = False
        self._written: dict[Place, int] = {}
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Stored]:
        """Return up to `limit` committed records from `offset` on."""
        if offset <= self._written.get((topic, partition), -1):
            self.end(topic, partition)
        return self._reader.read(topic, partition, offset, limit)

    def end(self, topic: str, partition: int) -> int:
        """Return one past the offset of the last committed record; this worker's own are always counted.

        A commit is acknowledged a little before its markers stand in the partitions, so this may wait for them.
        """
        mine = self._written.get((topic, partition), -1)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (end := self._reader.end(topic, partition)) <= mine:
            if time.monotonic() > deadline:
                raise KafkaUnavailableError(reason="commit marker")
            time.sleep(MARKER_SECONDS)
        return end

    def topics(self, prefix: str) -> list[str]:
        """Name the topics that begin with `prefix`."""
        return self._reader.topics(prefix)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; raises `KafkaTopicMissingError` where there is none."""
        return self._reader.partitions(topic)

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append in a transaction of its own; return the offset of the last record."""
        with self.transaction() as change:
            return change.append(topic, partition, records)

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a durable value of a store of this worker."""
        return self.stores.entries.get(store, {}).get(key)

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the durable values of those keys of a store that have one."""
        held = self.stores.entries.get(store, {})
        return {key: held[key] for key in keys if key in held}

    def entries(self, store: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield all durable entries of a store in key order."""
        with self._lock:
            held = list(self.stores.sorted(store))
        yield from held

    def position(self, group: str, topic: str, partition: int) -> int:
        """Return how far this worker has come in a topic partition."""
        return self.stores.positions.get((group, topic, partition), 0)

    @contextmanager
    def transaction(self, *, owned: bool = False) -> Iterator[KafkaTransaction]:
        """Open the worker's one transaction; other threads wait, also where it is `owned`.

        Raises:
            KafkaFencedError: another process has this worker's name: this one must stop.
            KafkaUnavailableError: no answer; whether a commit took effect shows when Kafka is back, the next
                transaction begins from what was committed.
            KafkaRecordTooLargeError, KafkaTopicMissingError, KafkaDeniedError: nothing of the step stands.
        """
        del owned
        with self._lock:
            if self._fenced:
                raise KafkaFencedError(reason="name taken over")
            if self._producer is None:
                self._take()
            change = KafkaTransaction(self._producer, self._plain, self._reader, self.stores)
            try:
                yield change
                change.commit(self.changelog)
            except KafkaError as error:
                raise self._failed(told(error, change.topic, self._reader.topics)) from error
            except BaseException:
                self._abort(change)
                raise
            self.stores.apply(change.changes)
            self._written.update(change.written)

    def close(self) -> None:
        """Close every connection; an open transaction is aborted by whoever takes the name next."""
        self._reader.close()
        self._plain.close()
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take(self) -> None:
        """Take the worker's name, then read what was committed under it: in this order nobody can add to it between."""
        if self.changelog not in self._reader.topics(self.changelog):
            raise KafkaTopicMissingError(topic=self.changelog)
        with translated(self.changelog):
            self._producer = producer(
                self._address,
                self.name,
                transactional_id=PREFIX + self.name,
                transaction_timeout_ms=TRANSACTION_MS,
                delivery_timeout_ms=STEP_MS,
            )
            try:
                self._producer.init_transactions()
                stores = Stores()
                stores.restore(changelog_rows(self._address, self.name, self.changelog))
            except BaseException:
                self._drop()
                raise
        self.stores = stores

    def _failed(self, error: CasebusError) -> CasebusError:
        """Leave a failed transaction to be aborted by the next taking of the name, unless somebody else has it."""
        self._fenced = isinstance(error, KafkaFencedError)
        self._drop()
        return error

    def _abort(self, change: KafkaTransaction) -> None:
        """Leave nothing behind after a failure that is not Kafka's."""
        if not change.began:
            return
        try:
            within(STEP_MS / 1000, self._producer.abort_transaction)
        except KafkaError as error:
            self._failed(coded(error))

    def _drop(self) -> None:
        """Close the producer without waiting for what it could not send."""
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None


def changelog_rows(address: KafkaAddress, name: str, topic: str) -> Iterator[Row]:
    """Yield the committed records of a worker's changelog; call it only after the worker's name was taken."""
    place = TopicPartition(topic, 0)
    reader = consumer(address, name)
    try:
        reader.assign([place])
        end = reader.end_offsets([place])[place]
        reader.seek_to_beginning(place)
        while reader.position(place) < end:
            for each in reader.poll(timeout_ms=POLL_MS, max_records=10_000).get(place, ()):
                yield each.key, each.value
    finally:
        with suppress(KafkaError):
            reader.close(autocommit=False)
