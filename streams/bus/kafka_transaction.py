"""One step of a worker on Kafka: outputs, entries and positions that become visible together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_changelog import Changes, Stores
from streams.bus.kafka_producer import STEP_MS, KafkaAppender, send, settled, within
from streams.bus.kafka_reader import KafkaReader
from streams.bus.port import Record

Place = tuple[str, int]
"""Topic, partition."""


class PlainTopics:
    """Topics that are written without transactions, by an appender that is opened when it is first needed."""

    def __init__(self, address: KafkaAddress, name: str, prefixes: tuple[str, ...]) -> None:
        self._address, self._name, self._prefixes = address, name, prefixes
        self._appender: KafkaAppender | None = None

    def __contains__(self, topic: str) -> bool:
        return topic.startswith(self._prefixes)

    def begin(self, topic: str, partition: int, records: Sequence[Record]) -> list[Any]:
        """Send without waiting."""
        if self._appender is None:
            self._appender = KafkaAppender(self._address, self._name)
        return self._appender.begin(topic, partition, records)

    def settle(self, topic: str, futures: Sequence[Any]) -> int:
        """Wait for what was sent; return the offset of the last record."""
        assert self._appender is not None, "nothing was sent"
        return self._appender.settle(topic, futures)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._appender is not None:
            self._appender.close()


class KafkaTransaction:
    """One step of a worker: begun at Kafka with its first record."""

    def __init__(self, sender: Any, plain: PlainTopics, reader: KafkaReader, stores: Stores) -> None:
        self._producer = sender
        self._plain = plain
        self._reader = reader
        self._stores = stores
        self.began = False
        self.topic = ""
        self.written: dict[Place, int] = {}
        self.changes = Changes()
        self._sent: dict[Place, list[Any]] = {}

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append records; return the offset of the last one, or the end minus one where there are none.

        Waits for the acknowledgement: the offset is known only then, and a refused record is told here.
        """
        if not records:
            return self._reader.end(topic, partition) - 1
        self.topic = topic
        if topic in self._plain:
            last = self._plain.settle(topic, self._plain.begin(topic, partition, records))
            self.written[topic, partition] = last
            return last
        self._begin()
        last = settled(self._producer, send(self._producer, topic, partition, records))
        self.written[topic, partition] = last
        return last

    def send(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Send records; they are on their way together with the changelog, and acknowledged before the commit."""
        if topic not in self._plain:
            self.append(topic, partition, records)
        elif records:
            self.topic = topic
            self._sent.setdefault((topic, partition), []).extend(self._plain.begin(topic, partition, records))

    def get(self, store: str, key: bytes) -> bytes | None:
        """Return a value, changes of this transaction included."""
        changed = self.changes.entries.get(store, {})
        return changed[key] if key in changed else self._stores.entries.get(store, {}).get(key)

    def get_many(self, store: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that have one, changes of this transaction included."""
        return {key: value for key in keys if (value := self.get(store, key)) is not None}

    def put(self, store: str, key: bytes, value: bytes | None) -> None:
        """Set a value; None removes it."""
        self.changes.entries.setdefault(store, {})[key] = value

    def clear(self, store: str) -> None:
        """Remove every entry of a store."""
        self.changes.entries[store] = dict.fromkeys(self._stores.entries.get(store, {}))

    def scan(self, store: str, first: bytes, last: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` entries with first ≤ key < last; sorts the store, so it is for small ones."""
        changed = self.changes.entries.get(store, {})
        keys = sorted({*self._stores.entries.get(store, {}), *changed})
        inside = keys[bisect_left(keys, first) : bisect_left(keys, last)]
        found = [(key, value) for key in inside if (value := self.get(store, key)) is not None]
        return found[:limit]

    def advance(self, group: str, topic: str, partition: int, position: int) -> None:
        """Say that this worker has processed everything below `position`."""
        self.changes.positions[group, topic, partition] = position

    def commit(self, changelog: str) -> None:
        """Write the changelog and commit; without changes nothing happens."""
        rows = self.changes.rows()
        if not rows and not self.began:
            self._settle()
            return
        self._begin()
        futures = [self._producer.send(changelog, key=key, value=value, partition=0) for key, value in rows]
        # Nobody may remember an event as taken whose raw record does not stand.
        self._settle()
        if futures:
            settled(self._producer, futures)
        within(STEP_MS / 1000, self._producer.commit_transaction)

    def _settle(self) -> None:
        for (topic, partition), futures in self._sent.items():
            self.written[topic, partition] = self._plain.settle(topic, futures)

    def _begin(self) -> None:
        if not self.began:
            self._producer.begin_transaction()
            self.began = True
