"""Running one worker in this process."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from services.node.layout import DataDirectory
from services.worker.assembly import Parts, assemble, own_directory, release_stage, supervise_stage
from services.worker.keeping import KeptLog, kept_log
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import metrics
from streams.runners.faust.release_stage import NAME as RELEASE
from streams.runners.faust.settings import STATE_MIB, Settings
from streams.runners.faust.worker import Worker

STATES = "states"
"""Where a worker's directory holds the files of states that have no room in memory; they bear no names."""


async def serve(
    kind: str, data: Path, address: KafkaAddress, instance: str, port: int | None, memory: int | None
) -> None:
    """Run a worker until SIGTERM or SIGINT; `memory` is what its states may take, MiB."""
    parts = assemble(DataDirectory(data), address, instance)
    folder = own_directory(parts.data, instance).root / STATES
    settings = Settings(address, instance=instance, memory=(memory or STATE_MIB) << 20, folder=folder)
    with ExitStack() as stack:
        kept = kept_log(parts, address, stack)
        worker = _worker(kind, parts, settings, kept)
        if port is not None:
            metrics.serve(worker, port)
        await worker.run()


def _worker(kind: str, parts: Parts, settings: Settings, kept: KeptLog) -> Worker:
    """Make the worker; supervision asks no gate: a lost witness must not mute an alert about what was released."""
    if kind == RELEASE:
        return Worker(release_stage(parts, kept.audit), settings, gate=kept.gate)
    return Worker(supervise_stage(parts, kept.audit), settings)
