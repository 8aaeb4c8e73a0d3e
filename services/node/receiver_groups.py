"""What a node on Kafka writes down of its receivers' consumer groups."""

from __future__ import annotations

from collections.abc import Mapping

from services.gateway.group_progress import GroupProgress
from services.node.node import Node
from streams.bus.kafka_groups import KafkaGroups
from streams.receivers import Deciding
from streams.view_topic import ViewReceiver


def group_progress_of(node: Node) -> GroupProgress | None:
    """Return what writes down how far receivers' groups are; None where the bus is not Kafka."""
    kafka = node.ground.carrier.kafka
    if kafka is None:
        return None

    def receivers() -> Mapping[str, Deciding]:
        return {each.subscription: each for each in node.receivers if isinstance(each, ViewReceiver)}

    return GroupProgress(node.audit, KafkaGroups(kafka), receivers, lambda: node.control.epoch)
