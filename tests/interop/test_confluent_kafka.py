"""A foreign consumer on real Kafka: librdkafka reads what a release worker delivered, our registry explains it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from deploy.kafka.cluster import Cluster
from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from security.view_schema import SEALED, WITHHELD
from security.views import read_view
from services.node.site import Site
from services.simulator.city import simulate
from streams.bus.kafka_address import KafkaAddress
from tests.integration.kafka.installation import Installation
from tests.interop.reading_node import EXECUTION, SITE, served

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

WANTED = 5
TYPES = {"prison.admitted", "prison.admission.refused", "police.custody.delivered", "detention.served"}
PATIENCE = 90.0
TOPIC = f"casebus.view.{EXECUTION}"


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaAddress]:
    """A broker of its own: the topics of an installation have fixed names."""
    cluster = Cluster.make(tmp_path / "cluster")
    cluster.start(tied=True)
    yield cluster.address()
    cluster.remove()


def consumed(address: KafkaAddress, wanted: int) -> list[Any]:
    """Return the first records of the view topic, as a consumer that reads committed records alone gets them."""
    consumer = Consumer(
        {
            "bootstrap.servers": address.bootstrap,
            "group.id": "foreign",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([TOPIC])
    found: list[Any] = []
    until = time.monotonic() + PATIENCE
    while len(found) < wanted and time.monotonic() < until:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def test_a_foreign_consumer_decodes_what_a_release_worker_delivered(own_kafka: KafkaAddress, tmp_path: Path) -> None:
    """Committed records of the topic, decoded by ids fetched over HTTP, say what our own reader says."""
    city = simulate(1, 40)
    office = Installation(own_kafka, tmp_path / "data", Site.load(SITE, Contracts.load()))
    office.make_topics()
    clock = ManualClock(city.deliveries[0].at_us)
    node = office.node(clock)
    office.start("release", "release-1")
    try:
        for delivery in city.deliveries:
            clock.advance_to(delivery.at_us)
            if delivery.event is not None and delivery.event["type"] in TYPES:
                node.door.accept(delivery.source, [delivery.event])
        messages = consumed(own_kafka, WANTED)
    finally:
        office.stop()
    context = SerializationContext(TOPIC, MessageField.VALUE)
    with served(node) as reading:
        settings = {
            "url": f"{reading.url}/v1/registry",
            "basic.auth.user.info": f"{EXECUTION}:{reading.tokens[EXECUTION]}",
        }
        with SchemaRegistryClient(settings) as client:
            decode = AvroDeserializer(client)
            decoded = [(message, decode(message.value(), context)) for message in messages]

    assert len(decoded) == WANTED
    for message, said in decoded:
        headers = dict(message.headers())
        ours = read_view(message.value(), node.views, None, bytes.fromhex(headers["ce_id"].decode().replace("-", "")))
        assert {k: v for k, v in said.items() if not k.startswith("_")} == {
            k: v for k, v in ours.items() if k not in {SEALED, WITHHELD} and k in said
        }
        assert (said[SEALED] is not None) == ours[SEALED]
        assert headers["manifest"].startswith(b"release-1/")
    node.close()
