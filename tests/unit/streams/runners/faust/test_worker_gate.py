"""A worker before a closed gate: it takes nothing, can be stopped, and goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from security.audit.witnessed import UnwitnessedError
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import worker as module
from streams.runners.faust.changelog import Restored
from streams.runners.faust.partition import OpenPartition
from streams.runners.faust.progress import Progress
from streams.runners.faust.settings import Settings
from streams.runners.faust.stage import PureStage, Source
from streams.runners.faust.worker import Reading, Worker

SOURCE = Source("casebus.raw.x", 0)


class Ready:
    """A producer that is done at once."""

    async def write(self, rows: Any) -> None:
        """Take it."""

    async def stop(self) -> None:
        """Stop."""


class Gate:
    """A gate that is closed until told."""

    closed = True

    def require(self) -> None:
        """Refuse while it is closed."""
        if self.closed:
            raise UnwitnessedError(seconds=9, limit=1)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the gate often."""
    monkeypatch.setattr(module, "HELD", 0.01)


def run(scenario: Callable[[Worker, OpenPartition, Gate], Any]) -> None:
    """Run a scenario with a worker that owns one partition and is given one record."""

    async def whole() -> None:
        stage, gate = PureStage("demo", (SOURCE.topic,), lambda _item, _state: [], chained=False), Gate()
        worker = Worker(stage, Settings(KafkaAddress("127.0.0.1:1")), gate=gate.require)
        partition = OpenPartition(stage, SOURCE, Restored(progress=Progress(next=0), records=0), Ready(), 8)
        worker.partitions[SOURCE], worker._readings[SOURCE] = partition, Reading(0.0)
        await scenario(worker, partition, gate)
        await partition.close(5)

    asyncio.run(whole())


def message() -> Any:
    """Return a record as Faust hands it over."""
    return SimpleNamespace(topic=SOURCE.topic, partition=0, offset=0, key=b"k", value=b"v", headers=(), follows=None)


@pytest.mark.usefixtures("quick")
def test_nothing_is_taken_before_a_closed_gate_and_it_goes_on_by_itself() -> None:
    """Not applied, not waiting for durability: so the partition can be given up meanwhile."""

    async def scenario(worker: Worker, partition: OpenPartition, gate: Gate) -> None:
        taking = asyncio.create_task(worker._take(message()))
        await asyncio.sleep(0.05)
        assert (worker.held, partition.counts.applied, partition.waiting) == (True, 0, 0)
        gate.closed = False
        await taking
        assert (worker.held, partition.counts.applied) == (False, 1)

    run(scenario)


@pytest.mark.usefixtures("quick")
def test_a_worker_that_is_told_to_stop_takes_nothing_more() -> None:
    """The record stays for whoever has the partition next."""

    async def scenario(worker: Worker, partition: OpenPartition, gate: Gate) -> None:
        taking = asyncio.create_task(worker._take(message()))
        await asyncio.sleep(0.02)
        worker._stopping.set()
        await taking
        assert (gate.closed, partition.counts.applied) == (True, 0)

    run(scenario)
