"""Running one worker in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from schemas.errors import UsageError
from services.node.layout import DataDirectory
from services.worker.assembly import Parts, assemble, release_stage, supervise_stage
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import metrics
from streams.runners.faust.settings import Settings
from streams.runners.faust.stage import Stage
from streams.runners.faust.worker import Worker

STAGES: dict[str, Callable[[Parts], Stage]] = {"release": release_stage, "supervise": supervise_stage}


class NoKafkaError(UsageError):
    """Nobody said where Kafka is."""

    code: ClassVar[str] = "worker.no_kafka"


def address_of(bootstrap: str) -> KafkaAddress:
    """Take the address from the call, the certificates from the environment."""
    found = KafkaAddress.of_environment()
    if not bootstrap:
        if found is None:
            raise NoKafkaError
        return found
    return dataclasses.replace(found, bootstrap=bootstrap) if found else KafkaAddress(bootstrap)


async def serve(kind: str, data: Path, address: KafkaAddress, instance: str, port: int | None) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    stage = STAGES[kind](assemble(DataDirectory(data), address, instance))
    worker = Worker(stage, Settings(address, instance=instance))
    if port is not None:
        metrics.serve(worker, port)
    await worker.run()
