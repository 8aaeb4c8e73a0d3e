"""The simulated city on Kafka: what the door took on an embedded bus, laid out as raw partitions and control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import KafkaAdminClient, NewTopic

from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from services.node.node import Node, open_node
from services.node.site import Site
from services.simulator.city import City
from streams import alerts, control, work
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.port import Record
from streams.panorama import TOPIC as PANORAMA
from streams.projections.marks import TOPIC as MARKS
from streams.runners.faust import settings
from streams.runners.faust.marks import raw_marks
from streams.runners.releasing import DEAD_LETTERS, RAW

SITE = Path("deploy/site/demo.yaml")
COPY = 64


@dataclass(frozen=True)
class Copied:
    """What stands on Kafka: the raw topics, and how many events were accepted."""

    raw: tuple[str, ...]
    accepted: int


def tell_city(address: KafkaAddress, city: City, data: Path, partitions: int) -> Copied:
    """Let the door take the whole city, then put raw, the marks of its end, and control on Kafka."""
    node = open_node(data, Site.load(SITE, Contracts.load()), clock=ManualClock(city.deliveries[0].at_us))
    try:
        accepted = _accept(node, city)
        raw = tuple(node.bus.topics(RAW))
        _make_topics(address, node, raw, partitions)
        appender = KafkaAppender(address, "city")
        for record in _records(node, control.TOPIC):
            appender.append(control.TOPIC, 0, [record])
        for topic in raw:
            for number, record in enumerate(_records(node, topic)):
                appender.append(topic, number % partitions, [record])
        sources = declared(city)
        for topic in raw:
            for n in range(partitions):
                appender.append(topic, n, [raw_marks(node.sealer, topic, n, city.end_us, sources)])
        appender.close()
        return Copied(raw, accepted)
    finally:
        node.close()


def declared(city: City) -> dict[str, int]:
    """Return what each source declared last; one that fell silent stays behind."""
    marks: dict[str, int] = {}
    for delivery in city.deliveries:
        if delivery.mark is not None:
            marks[delivery.source] = max(marks.get(delivery.source, 0), delivery.mark)
    return marks


def _accept(node: Node, city: City) -> int:
    accepted, clock = 0, node.clock
    assert isinstance(clock, ManualClock)
    for delivery in city.deliveries:
        clock.advance_to(delivery.at_us)
        if delivery.event is not None:
            accepted += len(node.door.accept(delivery.source, [delivery.event]))
    return accepted


def _records(node: Node, topic: str) -> Iterable[Record]:
    position = 0
    while stored := node.bus.read(topic, 0, position, COPY):
        yield from (Record(each.key, each.value, each.headers) for each in stored)
        position = stored[-1].offset + 1


def _make_topics(address: KafkaAddress, node: Node, raw: tuple[str, ...], partitions: int) -> None:
    views = {receiver.topic for receiver in node.receivers}
    wanted = {control.TOPIC: 1}
    names = {*raw, *views, work.TOPIC, alerts.TOPIC, PANORAMA, MARKS, DEAD_LETTERS}
    wanted |= dict.fromkeys(names, partitions)
    wanted |= {settings.changelog("release", topic): partitions for topic in raw}
    wanted[settings.changelog("supervise", work.TOPIC)] = partitions
    admin = KafkaAdminClient(**address.options())
    admin.create_topics(
        [
            NewTopic(name, n, 1, topic_configs={"cleanup.policy": "compact"} if ".changelog." in name else {})
            for name, n in wanted.items()
        ]
    )
    admin.close()
