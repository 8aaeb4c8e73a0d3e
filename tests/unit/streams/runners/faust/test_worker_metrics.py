"""What a worker tells Prometheus: counts and lag per input partition, and no value of anything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from streams.runners.faust.changelog import Restored
from streams.runners.faust.metrics import WorkerCollector
from streams.runners.faust.partition import OpenPartition
from streams.runners.faust.progress import Progress
from streams.runners.faust.room import Room
from streams.runners.faust.stage import Item, PureStage, Source
from streams.runners.faust.state import PartitionState


class Ready:
    """A producer that is done at once."""

    async def write(self, rows: Any) -> None:
        """Take it."""

    async def stop(self) -> None:
        """Stop."""


def test_lag_and_verdicts_are_told_per_partition(tmp_path: Path) -> None:
    """One record applied, one old, a hole; seven more stand in the log; of three values one has room in memory."""

    async def scenario() -> str:
        stage = PureStage("demo", ("casebus.raw.x",), lambda _item, _state: [], chained=False)
        source = Source("casebus.raw.x", 1)
        room = Room(300, tmp_path)
        state = PartitionState({b"secret-%d" % n: b"secret" for n in range(3)}, room)
        assert state.read(b"secret-0") == b"secret"
        partition = OpenPartition(stage, source, Restored(state, Progress(next=2), records=5), Ready(), 8)
        for offset in (2, 0, 9):
            await partition.offer(Item(offset, b"secret-key", b"secret-value"), None)
        async with asyncio.timeout(5), partition._moved:
            await partition._moved.wait_for(lambda: not partition.waiting)
        worker = SimpleNamespace(stage=stage, held=True, partitions={source: partition}, stable=lambda _: 10)
        registry = CollectorRegistry()
        registry.register(WorkerCollector(cast("Any", worker)))
        told = generate_latest(registry).decode()
        await partition.close(5)
        return told

    told = asyncio.run(scenario())

    labels = '{partition="1",stage="demo",topic="casebus.raw.x"'
    assert f"casebus_worker_lag_records{labels}}} 7.0" in told
    assert f"casebus_worker_restored_records{labels}}} 5.0" in told
    assert f"casebus_worker_state_values{labels}}} 1.0" in told
    assert f"casebus_worker_state_spilled{labels}}} 2.0" in told
    assert f"casebus_worker_state_reads_total{labels}}} 1.0" in told
    assert f"casebus_worker_state_file_bytes{labels}}} 0.0" not in told
    for verdict in ("applied", "old", "holes"):
        assert f'verdict="{verdict}"}} 1.0' in told
    assert 'verdict="repeats"} 0.0' in told
    assert 'casebus_worker_held{stage="demo"} 1.0' in told
    assert "secret" not in told
