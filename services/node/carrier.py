"""What carries a node's records: one SQLite file in its directory, or a Kafka.

Which of the two is said once, when the node is made, and stands in DIR/node.json: a node that has history on the one
must not be opened on the other. On Kafka the gateway and the desk are two workers of the bus, each with a name and a
changelog of its own, and the audit log has its replica there, whose size is the log's floor.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import UsageError
from services.node.layout import DataDirectory, NodeName
from streams.audit_replica import BusReplica
from streams.bus.embedded import EmbeddedBus
from streams.bus.kafka import KafkaBus
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from streams.bus.port import Bus, Reader
from streams.runners.citations import highest_citation


class NoKafkaError(UsageError):
    """Nobody said where Kafka is."""

    code: ClassVar[str] = "worker.no_kafka"


class OtherBusError(UsageError):
    """The node was made on the embedded bus; its history does not move to Kafka by an option."""

    code: ClassVar[str] = "node.other_bus"


@dataclass(frozen=True)
class Carrier:
    """The bus as the gateway and control have it, and as the desk has it; `replica` on Kafka only.

    Receivers are read for by `views`: on Kafka over connections of its own, so that no page keeps a commit waiting.
    """

    bus: Bus
    desk: Bus
    views: Reader
    kafka: KafkaAddress | None = None
    replica: BusReplica | None = None

    def floor(self, node: str) -> int:
        """Return how many records of the node's audit log the bus cites; a replica knows more, and is asked itself."""
        return highest_citation(self.bus, node) if self.replica is None else 0


def address_of(bootstrap: str) -> KafkaAddress:
    """Take the address from the call, the certificates from the environment.

    Raises:
        NoKafkaError: neither says where Kafka is.
    """
    found = KafkaAddress.of_environment()
    if not bootstrap:
        if found is None:
            raise NoKafkaError
        return found
    return dataclasses.replace(found, bootstrap=bootstrap) if found else KafkaAddress(bootstrap)


def reader_of(data: DataDirectory) -> EmbeddedBus | KafkaReader:
    """Open the bus of a node for looking only, whether the node runs or not."""
    return KafkaReader(address_of("")) if data.on_kafka else EmbeddedBus(data.bus, read_only=True)


def carrier_of(data: DataDirectory, name: NodeName, kafka: KafkaAddress | None, stack: ExitStack) -> Carrier:
    """Open what carries a node; what was opened is closed by `stack`.

    Raises:
        OtherBusError, NoKafkaError: the address does not go with how the node was made.
        KafkaUnavailableError, KafkaTopicMissingError: Kafka is not there, or not prepared (`casebus doctor`).
    """
    if not data.on_kafka:
        if kafka is not None:
            raise OtherBusError(path=data.root.name)
        bus = EmbeddedBus(data.bus)
        stack.callback(bus.close)
        return Carrier(bus, bus, bus)
    address = kafka or address_of("")
    node = name.node
    gateway = stack.enter_context(KafkaBus(address, f"gateway.{node}"))
    desk = stack.enter_context(KafkaBus(address, f"desk.{node}"))
    reader, appender = KafkaReader(address, node), KafkaAppender(address, node)
    views = KafkaReader(address, f"receivers.{node}")
    for each in (reader, appender, views):
        stack.callback(each.close)
    return Carrier(gateway, desk, views, address, BusReplica(reader, appender, node, name.origin))
