"""An agency's own Kafka topic as rows: one JSON object a record, committed records only, each partition in its order.

The position is the next offset of each partition; no consumer group is used, and nothing is written to the agency's
Kafka. Records that the topic no longer has are a rejection at the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from kafka import TopicPartition

from schemas.errors import UsageError
from services.importer.block import Block
from services.importer.json_lines import object_reader
from services.importer.mapping import Mapping
from services.importer.place import Place, RecordPlace
from services.importer.position import Position
from services.importer.rejection import Rejection, RowError
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError, translated
from streams.bus.kafka_reader import consumer

SCHEME = "kafka://"
POLL_MS = 200
RECORDS = 2_048
CLIENT = "casebus-import"


class TopicUrlError(UsageError):
    """The URL of a topic is not `kafka://host:port/topic`."""

    code: ClassVar[str] = "importer.topic_url"


def topic_of(url: str) -> tuple[KafkaAddress, str]:
    """Read `kafka://host:port[,host:port]/topic`; authority and certificate come from the environment.

    Raises:
        TopicUrlError, KafkaAddressError: it is no such URL.
    """
    servers, slash, topic = url.removeprefix(SCHEME).partition("/")
    if not (url.startswith(SCHEME) and slash and topic and "/" not in topic):
        raise TopicUrlError
    at = KafkaAddress(servers)
    named = KafkaAddress.of_environment()
    return (KafkaAddress(servers, named.authority, named.certificate) if named else at), topic


class Topic:
    """Implements `Rows`; places are partitions and offsets. Where it follows, it has no end."""

    grows = True

    def __init__(self, mapping: Mapping, address: KafkaAddress, topic: str, *, follow: bool = False) -> None:
        self._mapping = mapping
        self._address = address
        self._topic = topic
        self._follow = follow

    def identity(self) -> bytes:
        """Return the topic and where it is."""
        return f"{self._address.bootstrap}\0{self._topic}".encode()

    def columns(self) -> list[str]:
        """Return the columns of the mapping."""
        return list(self._mapping.columns)

    def blocks(self, position: Position) -> Iterator[Block]:
        """Yield what stands in the topic from the kept offsets to its end at the beginning of the reading, or for ever.

        Raises:
            KafkaTopicMissingError, KafkaUnavailableError: there is no such topic, or no Kafka.
        """
        with translated(self._topic):
            reading = consumer(self._address, CLIENT)
            try:
                yield from self._read(reading, position)
            finally:
                reading.close(autocommit=False)

    def _read(self, reading: Any, position: Position) -> Iterator[Block]:
        partitions = [TopicPartition(self._topic, n) for n in sorted(reading.partitions_for_topic(self._topic) or ())]
        if not partitions:
            raise KafkaTopicMissingError(topic=self._topic)
        reading.assign(partitions)
        gone = _seek(reading, partitions, position)
        offsets = {str(place.partition): reading.position(place) for place in partitions}
        if gone:
            yield Block([], [], gone, {"offsets": dict(offsets)})
        ends = reading.end_offsets(partitions)
        read = object_reader(self._mapping.columns)
        while self._follow or any(offsets[str(place.partition)] < ends[place] for place in partitions):
            polled = reading.poll(timeout_ms=POLL_MS, max_records=RECORDS)
            # Markers of transactions use up offsets without a record: the consumer's position knows.
            offsets = {str(place.partition): reading.position(place) for place in partitions}
            yield _block(read, polled, {"offsets": dict(offsets)})


def _seek(reading: Any, partitions: list[TopicPartition], position: Position) -> list[Rejection]:
    """Go to the kept offsets; name the first record of each partition that is gone."""
    gone = []
    firsts = reading.beginning_offsets(partitions)
    for place in partitions:
        kept = position.offsets.get(str(place.partition), firsts[place])
        if kept < firsts[place]:
            gone.append(Rejection(RecordPlace(place.partition, kept), "importer.records_gone"))
        reading.seek(place, max(kept, firsts[place]))
    return gone


def _block(read: Any, polled: dict[TopicPartition, list[Any]], reached: dict[str, Any]) -> Block:
    places: list[Place] = []
    rows: list[list[str]] = []
    rejections: list[Rejection] = []
    for partition, records in polled.items():
        for record in records:
            place = RecordPlace(partition.partition, record.offset)
            try:
                row = read((record.value or b"").decode())
            except UnicodeDecodeError:
                rejections.append(Rejection(place, "importer.encoding"))
            except RowError as error:
                rejections.append(Rejection(place, error.code, error.column))
            else:
                places.append(place)
                rows.append(row)
    return Block(places, rows, rejections, reached)
