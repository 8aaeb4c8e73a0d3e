"""The bus on a real Kafka: the contract of every bus, and what only Kafka can do wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from streams.bus.kafka import KafkaBus
from streams.bus.kafka_address import KafkaAddress, KafkaAddressError
from streams.bus.kafka_errors import (
    KafkaFencedError,
    KafkaRecordsGoneError,
    KafkaRecordTooLargeError,
    KafkaTopicMissingError,
    KafkaUnavailableError,
)
from streams.bus.kafka_producer import KafkaAppender, producer, send
from streams.bus.kafka_reader import KafkaReader
from streams.bus.port import Record, Stored, Transaction
from tests.contract.test_bus import (  # noqa: F401 - collected here again, over Kafka
    record,
    test_a_record_is_read_back_whole,
    test_a_store_can_be_cleared,
    test_a_transaction_is_all_or_nothing,
    test_a_transaction_sees_its_own_changes,
    test_offsets_rise_per_partition,
    test_pages_that_go_on_past_the_last_offset_cover_a_partition,
    test_reading_starts_at_the_offset_and_stops_at_the_limit,
    test_records_that_are_sent_stand_when_the_transaction_ends,
    test_topics_are_found_by_prefix,
    test_two_appends_in_one_transaction_follow_each_other,
)

pytestmark = pytest.mark.kafka
PARTITIONS = 8


class Topics:
    """Makes topics of one run on a broker that other tests use too."""

    def __init__(self, address: KafkaAddress, run: str) -> None:
        self.run = run
        self._admin = KafkaAdminClient(**address.options())
        self._made: set[str] = set()

    def __call__(self, name: str, partitions: int = PARTITIONS, **configs: str) -> str:
        """Return the run's own name of a topic that exists."""
        topic = f"{self.run}.{name}"
        if topic not in self._made:
            self.make(topic, partitions, **configs)
        return topic

    def make(self, topic: str, partitions: int = 1, **configs: str) -> None:
        """Make a topic of this very name."""
        options = {"num_partitions": partitions, "replication_factor": 1}
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        self._admin.create_topics({topic: options | {"configs": settings}}, wait_for_metadata=True)
        self._made.add(topic)

    def forget(self, topic: str, before: int) -> None:
        """Remove the records of a topic below an offset."""
        self._admin.delete_records({TopicPartition(topic, 0): before})

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()


class Scoped:
    """A bus whose topics carry their run's name and are made when first named: the contract names them freely."""

    def __init__(self, bus: KafkaBus, topics: Topics) -> None:
        self._bus, self._topics = bus, topics
        self.get, self.entries = bus.get, bus.entries

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append."""
        return self._bus.append(self._topics(topic), partition, records)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Stored]:
        """Read."""
        return self._bus.read(self._topics(topic), partition, offset, limit)

    def end(self, topic: str, partition: int) -> int:
        """Tell the end."""
        return self._bus.end(self._topics(topic), partition)

    def topics(self, prefix: str) -> list[str]:
        """Name topics."""
        head = f"{self._topics.run}."
        return [topic.removeprefix(head) for topic in self._bus.topics(head + prefix)]

    def partitions(self, topic: str) -> int:
        """Count partitions."""
        return self._bus.partitions(self._topics(topic))

    def position(self, group: str, topic: str, partition: int) -> int:
        """Tell a position."""
        return self._bus.position(group, self._topics(topic), partition)

    @contextmanager
    def transaction(self, *, owned: bool = False) -> Iterator[Any]:
        """Open a transaction."""
        with self._bus.transaction(owned=owned) as change:
            yield ScopedTransaction(change, self._topics)


class ScopedTransaction:
    """A transaction of a scoped bus."""

    def __init__(self, change: Transaction, topics: Topics) -> None:
        self._change, self._topics = change, topics
        self.get, self.put, self.clear, self.scan = change.get, change.put, change.clear, change.scan

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append."""
        return self._change.append(self._topics(topic), partition, records)

    def send(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Send."""
        self._change.send(self._topics(topic), partition, records)

    def advance(self, group: str, topic: str, partition: int, position: int) -> None:
        """Advance."""
        self._change.advance(group, self._topics(topic), partition, position)


@pytest.fixture
def topics(kafka: KafkaAddress, run_name: Callable[[], str]) -> Iterator[Topics]:
    """Topics of this test alone."""
    made = Topics(kafka, "bus-" + run_name())
    yield made
    made.close()


@pytest.fixture
def worker(kafka: KafkaAddress, topics: Topics) -> Iterator[KafkaBus]:
    """A worker with an empty changelog."""
    topics.make(f"casebus.changelog.{topics.run}", cleanup_policy="compact")
    with KafkaBus(kafka, topics.run) as bus:
        yield bus


@pytest.fixture
def bus(worker: KafkaBus, topics: Topics) -> Scoped:
    """What the contract's tests are given."""
    return Scoped(worker, topics)


def test_a_worker_opened_again_knows_what_was_committed(kafka: KafkaAddress, worker: KafkaBus, topics: Topics) -> None:
    """Stores and positions come back from the changelog: values, removals, positions."""
    with worker.transaction() as change:
        change.put("s", b"a", b"1")
        change.put("s", b"b", b"")
        change.put("s", b"c", b"3")
        change.advance("g", "in", 2, 41)
    with worker.transaction() as change:
        change.put("s", b"c", None)
    worker.close()

    with KafkaBus(kafka, topics.run) as again:
        assert list(again.entries("s")) == [(b"a", b"1"), (b"b", b"")]
        assert again.position("g", "in", 2) == 41


def test_whoever_opens_a_name_fences_its_former_holder(kafka: KafkaAddress, worker: KafkaBus, topics: Topics) -> None:
    """A former holder's open transaction is aborted and it works no more; nothing of it is ever read."""
    out = topics("out")

    def overtaken() -> None:
        with worker.transaction() as change:
            change.append(out, 0, [record(1)])
            with KafkaBus(kafka, topics.run) as successor:
                successor.append(out, 0, [record(2)])
                successor.end(out, 0)
            change.put("s", b"a", b"1")

    with pytest.raises(KafkaFencedError):
        overtaken()
    with pytest.raises(KafkaFencedError):
        worker.append(out, 0, [record(3)])
    reader = KafkaReader(kafka)
    assert [s.value for s in reader.read(out, 0, 0, 10)] == [b"v2"]
    reader.close()


def test_the_end_looks_past_markers_and_aborted_records(kafka: KafkaAddress, worker: KafkaBus, topics: Topics) -> None:
    """After an aborted step that wrote much, the end is still one past the last committed record."""
    out = topics("out")
    last = worker.append(out, 0, [record(0)])

    def interrupted() -> None:
        with worker.transaction() as change:
            change.append(out, 0, [record(n) for n in range(300)])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()

    assert worker.end(out, 0) == last + 1
    assert worker.read(out, 0, last + 1, 10) == []
    assert worker.append(out, 0, [record(7)]) > last + 300
    assert [s.value for s in worker.read(out, 0, 0, 10)] == [b"v0", b"v7"]


def test_an_open_transaction_is_not_read(kafka: KafkaAddress, worker: KafkaBus, topics: Topics) -> None:
    """What stands in an open transaction is behind the end, also where others append after it."""
    out = topics("out")
    appender, reader = KafkaAppender(kafka), KafkaReader(kafka)
    with worker.transaction() as change:
        change.append(out, 0, [record(1)])
        appender.append(out, 0, [record(2)])
        assert reader.read(out, 0, 0, 10) == []

    worker.end(out, 0)
    assert [s.value for s in reader.read(out, 0, 0, 10)] == [b"v1", b"v2"]
    appender.close()
    reader.close()


def test_appends_without_a_transaction_use_up_no_offset(kafka: KafkaAddress, topics: Topics) -> None:
    """An appender's partition counts from zero, one by one."""
    appender, out = KafkaAppender(kafka), topics("out")

    assert [appender.append(out, 0, [record(0), record(1)]), appender.append(out, 0, [record(2)])] == [1, 2]
    appender.close()


def test_raw_topics_are_written_without_transactions(kafka: KafkaAddress, topics: Topics) -> None:
    """No marker uses up an offset of a raw topic; what a step appended there stands, whatever becomes of the step."""
    raw, out = topics("raw.police"), topics("out")
    topics.make(f"casebus.changelog.{topics.run}", cleanup_policy="compact")
    with KafkaBus(kafka, topics.run, plain=(f"{topics.run}.raw.",)) as bus:

        def step(number: int, *, whole: bool) -> None:
            with bus.transaction() as change:
                change.append(raw, 0, [record(number)])
                change.append(out, 0, [record(number)])
                if not whole:
                    raise RuntimeError("stop")

        step(0, whole=True)
        with pytest.raises(RuntimeError, match="stop"):
            step(1, whole=False)
        step(2, whole=True)

        assert [(s.offset, s.value) for s in bus.read(raw, 0, 0, 10)] == [(0, b"v0"), (1, b"v1"), (2, b"v2")]
        assert [s.value for s in bus.read(out, 0, 0, 10)] == [b"v0", b"v2"]


def test_nothing_is_remembered_of_raw_records_that_do_not_stand(kafka: KafkaAddress, topics: Topics) -> None:
    """What was sent to a raw topic is acknowledged before the step commits; where it is refused, so is the step."""
    raw = topics("raw.police", max_message_bytes="2000")
    topics.make(f"casebus.changelog.{topics.run}", cleanup_policy="compact")

    def step(bus: KafkaBus, name: bytes, *values: bytes) -> None:
        with bus.transaction() as change:
            for partition, value in enumerate(values):
                change.send(raw, partition, [Record(name, value)])
            change.put("s", name, b"known")

    with KafkaBus(kafka, topics.run, plain=(f"{topics.run}.raw.",)) as bus:
        step(bus, b"a", b"1", b"2")
        with pytest.raises(KafkaRecordTooLargeError):
            step(bus, b"b", b"3", b"x" * 4000)
        step(bus, b"c", b"4")
        assert bus.read(raw, 1, 0, 10)[0].value == b"2"
        assert bus.end(raw, 1) == 1

    with KafkaBus(kafka, topics.run, plain=(f"{topics.run}.raw.",)) as again:
        assert [key for key, _ in again.entries("s")] == [b"a", b"c"]


def test_a_missing_topic_is_told_at_once(kafka: KafkaAddress, topics: Topics) -> None:
    """A worker without its changelog topic does not start."""
    with pytest.raises(KafkaTopicMissingError) as caught:
        KafkaBus(kafka, topics.run)

    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("name", "partition"), [("none", 0), ("there", PARTITIONS)])
def test_appending_to_what_is_not_there_is_told(kafka: KafkaAddress, topics: Topics, name: str, partition: int) -> None:
    """A topic that nobody made, and a partition that a topic does not have."""
    topics("there")
    appender = KafkaAppender(kafka)

    with pytest.raises(KafkaTopicMissingError):
        appender.append(f"{topics.run}.{name}", partition, [record(1)])
    appender.close()


def test_a_record_that_is_too_large_refuses_its_step_only(worker: KafkaBus, topics: Topics) -> None:
    """The step leaves nothing, and the next one works."""
    small = topics("small", max_message_bytes="2000")

    def too_large() -> None:
        with worker.transaction() as change:
            change.put("s", b"a", b"1")
            change.append(small, 0, [Record(b"k", b"x" * 5000)])

    with pytest.raises(KafkaRecordTooLargeError):
        too_large()

    assert worker.get("s", b"a") is None
    worker.append(small, 0, [record(1)])
    assert [s.value for s in worker.read(small, 0, 0, 10)] == [b"v1"]


def test_records_removed_before_they_were_read_are_told(kafka: KafkaAddress, topics: Topics) -> None:
    """Reading on at an offset that retention took away raises; nothing is skipped in silence."""
    out, appender, reader = topics("out"), KafkaAppender(kafka), KafkaReader(kafka)
    appender.append(out, 0, [record(n) for n in range(5)])
    topics.forget(out, 3)

    with pytest.raises(KafkaRecordsGoneError):
        reader.read(out, 0, 1, 10)
    assert [s.value for s in reader.read(out, 0, 3, 10)] == [b"v3", b"v4"]
    appender.close()
    reader.close()


def test_a_bad_address_is_refused_before_anything_is_tried() -> None:
    """An address without a port, and a certificate without its authority."""
    with pytest.raises(KafkaAddressError):
        KafkaAddress("localhost")


def test_records_of_a_killed_worker_are_never_read(kafka: KafkaAddress, worker: KafkaBus, topics: Topics) -> None:
    """A worker that dies in the middle of a step leaves an open transaction; its successor aborts it."""
    out = topics("out")
    dying = producer(kafka, "dying", transactional_id="casebus." + topics.run)
    dying.init_transactions()
    dying.begin_transaction()
    for future in send(dying, out, 0, [record(1)]):
        future.get(timeout=20)

    with KafkaBus(kafka, topics.run) as successor:
        successor.append(out, 0, [record(2)])
        assert [s.value for s in successor.read(out, 0, 0, 10)] == [b"v2"]
    dying.close(timeout=5)


def test_a_commit_without_an_answer_is_given_up(
    worker: KafkaBus, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client waits for a commit without end where its request was lost: the step ends, and the next one stands."""
    out = topics("out")
    asked = threading.Event()

    def never() -> None:
        asked.set()
        threading.Event().wait()

    monkeypatch.setattr("streams.bus.kafka_transaction.STEP_MS", 300)
    monkeypatch.setattr(worker._producer, "commit_transaction", never)
    with pytest.raises(KafkaUnavailableError):
        worker.append(out, 0, [record(1)])
    worker.append(out, 0, [record(2)])

    assert asked.is_set()
    assert [stored.value for stored in worker.read(out, 0, 0, 10)] == [b"v2"]
