"""Running one worker in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.node.layout import DataDirectory
from services.worker.assembly import Parts, assemble, release_stage, supervise_stage
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import metrics
from streams.runners.faust.settings import Settings
from streams.runners.faust.stage import Stage
from streams.runners.faust.worker import Worker

STAGES: dict[str, Callable[[Parts], Stage]] = {"release": release_stage, "supervise": supervise_stage}


async def serve(kind: str, data: Path, address: KafkaAddress, instance: str, port: int | None) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    stage = STAGES[kind](assemble(DataDirectory(data), address, instance))
    worker = Worker(stage, Settings(address, instance=instance))
    if port is not None:
        metrics.serve(worker, port)
    await worker.run()
