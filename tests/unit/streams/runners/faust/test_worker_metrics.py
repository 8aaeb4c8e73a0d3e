"""What a worker tells Prometheus: counts and lag per input partition, and no value of anything."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from streams.runners.faust.changelog import Restored
from streams.runners.faust.metrics import WorkerCollector
from streams.runners.faust.partition import OpenPartition
from streams.runners.faust.progress import Progress
from streams.runners.faust.stage import Item, PureStage, Source


class Ready:
    """A producer that is done at once."""

    async def write(self, rows: Any) -> None:
        """Take it."""

    async def stop(self) -> None:
        """Stop."""


def test_lag_and_verdicts_are_told_per_partition() -> None:
    """One record applied, one old, a hole; seven more records stand in the log."""

    async def scenario() -> str:
        stage = PureStage("demo", ("casebus.raw.x",), lambda _item, _state: [], chained=False)
        source = Source("casebus.raw.x", 1)
        partition = OpenPartition(stage, source, Restored(progress=Progress(next=2), records=5), Ready(), 8)
        for offset in (2, 0, 9):
            await partition.offer(Item(offset, b"secret-key", b"secret-value"), None)
        await partition.close(5)
        worker = SimpleNamespace(stage=stage, held=True, partitions={source: partition}, stable=lambda _: 10)
        registry = CollectorRegistry()
        registry.register(WorkerCollector(cast("Any", worker)))
        return generate_latest(registry).decode()

    told = asyncio.run(scenario())

    labels = '{partition="1",stage="demo",topic="casebus.raw.x"'
    assert f"casebus_worker_lag_records{labels}}} 7.0" in told
    assert f"casebus_worker_restored_records{labels}}} 5.0" in told
    for verdict in ("applied", "old", "holes"):
        assert f'verdict="{verdict}"}} 1.0' in told
    assert 'verdict="repeats"} 0.0' in told
    assert 'casebus_worker_held{stage="demo"} 1.0' in told
    assert "secret" not in told
