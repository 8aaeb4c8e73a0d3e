"""Running one worker in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from services.node.layout import DataDirectory
from services.worker.assembly import assemble, own_directory, release_stage, supervise_stage
from services.worker.keeping import kept_log
from services.worker.patience import Patience
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import metrics
from streams.runners.faust.release_stage import NAME as RELEASE
from streams.runners.faust.settings import STATE_MIB, Settings
from streams.runners.faust.stage import Stage
from streams.runners.faust.worker import Worker

STATES = "states"
"""Where a worker's directory holds the files of states that have no room in memory; they bear no names."""


@dataclass(frozen=True)
class Order:
    """Which worker to run; `port` is that of its metrics, `memory` what its states may take, MiB."""

    kind: str
    data: Path
    address: KafkaAddress
    instance: str
    port: int | None = None
    memory: int | None = None

    @property
    def settings(self) -> Settings:
        """What its stage is run by."""
        folder = own_directory(DataDirectory(self.data), self.instance).root / STATES
        memory = (self.memory or STATE_MIB) << 20
        return Settings(self.address, instance=self.instance, memory=memory, folder=folder)


@dataclass(frozen=True)
class Opened:
    """What a worker works with: its stage, the gate before each record, and what must be closed at its end."""

    stage: Stage
    gate: Callable[[], None]
    stack: ExitStack


def serve(order: Order, patience: Patience) -> None:
    """Run a worker until SIGTERM or SIGINT; it waits at the start for a Kafka that is not there.

    Raises:
        CasebusError: what waiting does not mend, before anything was taken (`open_worker`).
    """
    opened = patience.until_open(lambda: open_worker(order))
    if opened is not None:
        with opened.stack:
            asyncio.run(_work(opened, order))


def open_worker(order: Order) -> Opened:
    """Look everything up, and open the worker's audit log.

    Supervision asks no gate: a lost witness must not mute an alert about what was released.

    Raises:
        KafkaUnavailableError, NoControlError: to be waited for.
        KafkaTopicMissingError, PartitionCountError: the topics are not as the stages need them.
        NoNodeError, ControlError, EpochLostError, and what opening the log raises.
    """
    parts = assemble(DataDirectory(order.data), order.address, order.instance)
    with ExitStack() as stack:
        kept = kept_log(parts, order.address, stack)
        if order.kind == RELEASE:
            return Opened(release_stage(parts, kept.audit), kept.gate, stack.pop_all())
        return Opened(supervise_stage(parts, kept.audit), lambda: None, stack.pop_all())


async def _work(opened: Opened, order: Order) -> None:
    worker = Worker(opened.stage, order.settings, gate=opened.gate)
    if order.port is not None:
        metrics.serve(worker, order.port)
    await worker.run()
