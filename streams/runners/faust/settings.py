"""What a worker has to know of Kafka and of its own place in the group; and how everything it owns there is named."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust.stage import Source

PREFIX = "casebus."
STATE_MIB = 256
"""Memory for the states of a worker where nobody says how much."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Connection and pace of a worker; seconds.

    Attributes:
        address: where Kafka is, and this worker's certificate.
        instance: name of this worker for static membership: restarted within a session it keeps its partitions.
        session: after this long without a heartbeat the group takes the partitions away.
        transaction: after this long the coordinator aborts an open transaction of a worker that is gone.
        in_flight: records of a partition that are applied and not yet durable.
        idle: after this long without a record, a partition with records left to read is read again.
        pace: between the beginnings of two transactions of a partition, where records come quicker: they share one.
        memory: bytes that the states of all partitions may take in memory, in equal shares.
        folder: where the files of those that have no room are made; a place on a disk, for memory is what is short.
    """

    address: KafkaAddress
    instance: str | None = None
    session: float = 20.0
    heartbeat: float = 3.0
    transaction: float = 60.0
    request: float = 40.0
    drain: float = 20.0
    in_flight: int = 64
    idle: float = 2.0
    pace: float = 0.05
    commit: float = 1.0
    memory: int = STATE_MIB << 20
    folder: Path = Path(tempfile.gettempdir())

    def client(self) -> dict[str, Any]:
        """Return the arguments that every client of the worker shares."""
        return {**self.address.options(), "request_timeout_ms": int(self.request * 1000)}


def group(stage: str) -> str:
    """Name the consumer group of a stage."""
    return PREFIX + stage


def changelog(stage: str, topic: str) -> str:
    """Name the compacted topic that holds the states of a stage for one input topic; it has the same partitions."""
    return f"{PREFIX}changelog.{stage}.{topic.removeprefix(PREFIX)}"


def writer(stage: str, source: Source) -> str:
    """Name a writer: the stamp of what it sends, and (with the prefix) its transactions."""
    return f"{stage}/{source}"


def transaction(stage: str, source: Source) -> str:
    """Name the transactions of a stage on one input partition: whoever starts them last owns the partition."""
    return PREFIX + writer(stage, source)
