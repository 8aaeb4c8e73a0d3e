"""One open input partition: its state, its gate, and the writer that makes what was applied durable.

Applying runs ahead of durability by at most `in_flight` records. The writer takes all that is queued into one
transaction: outputs, the newest value of every changed key, and the progress just after the last record. A record that
comes alone is written at once; where they come quicker than `pace`, those of that time share a transaction, for each
has a price of its own. Any failure ends the process: what was applied in memory but not committed must not be built
upon.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from streams.runners.faust import changelog, settings
from streams.runners.faust.changelog import Restored, Row
from streams.runners.faust.failstop import Exit, fail_stop
from streams.runners.faust.gate import Gate, Verdict
from streams.runners.faust.producer import Place
from streams.runners.faust.progress import Progress, Stamp, stamp_of
from streams.runners.faust.stage import Back, Item, Output, Source, Stage
from streams.runners.faust.state import Changes, PartitionState

GROUP_RECORDS = 64
GROUP_CHANGES = 20_000
"""A transaction takes no further record beyond so many records or changed keys."""


class Producer(Protocol):
    """What a partition needs of its producer."""

    async def write(self, rows: dict[Place, list[Row]]) -> None:
        """Write everything in one transaction; it is committed when this returns."""
        ...

    async def stop(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """A record that was applied and waits to become durable: the gate just after it, and what it changed."""

    next: int
    stamp: Stamp | None
    taken: Any
    changes: Changes


@dataclass(slots=True)
class Counts:
    """What happened on a partition since it was opened."""

    applied: int = 0
    old: int = 0
    repeats: int = 0
    holes: int = 0
    seeks: int = 0
    transactions: int = 0
    transaction_seconds: float = 0.0


class OpenPartition:
    """An input partition this worker owns."""

    def __init__(
        self,
        stage: Stage,
        source: Source,
        restored: Restored,
        producer: Producer,
        in_flight: int,
        pace: float = 0.0,
    ) -> None:
        self.source = source
        self.counts = Counts()
        self.durable = restored.progress.next
        self.restored = restored
        self.state = PartitionState(restored.values)
        self.gate = Gate(restored.progress, chained=stage.chained)
        self._stage = stage
        self._step = stage.open(source, self.state)
        self._producer = producer
        self._progress = restored.progress
        self._writer = settings.writer(stage.name, source)
        self._changelog = (settings.changelog(stage.name, source.topic), source.partition)
        self._queue: deque[Applied] = deque()
        self._waiting = 0
        self._room = in_flight
        self._pace = pace
        self._earliest = 0.0
        self._hurried = False
        self._moved = asyncio.Condition()
        self._task = asyncio.get_running_loop().create_task(self._write())

    @property
    def waiting(self) -> int:
        """How many records are applied and not yet durable."""
        return self._waiting

    async def offer(self, item: Item, follows: int | None) -> Verdict:
        """Take a record through the gate, and wait for room where too many are not durable yet."""
        stamp = stamp_of(item.headers) if self._stage.chained else None
        verdict = self.gate.judge(item.offset, follows, stamp)
        if verdict is Verdict.APPLY:
            taken = self._step.take(item)
            if isinstance(taken, Back):
                self.gate.back(taken.offset)
                taken = taken.taken
            self._queue.append(Applied(self.gate.next, stamp, taken, self.state.drain()))
            self._waiting += 1
            self.counts.applied += 1
            async with self._moved:
                self._moved.notify_all()
                await self._moved.wait_for(lambda: self._waiting < self._room)
        elif verdict is Verdict.OLD:
            self.counts.old += 1
        elif verdict is Verdict.REPEAT:
            self.counts.repeats += 1
        else:
            self.counts.holes += 1
        return verdict

    async def close(self, drain: float) -> None:
        """Wait until everything applied is durable, then let go; ends the process where that takes too long."""
        try:
            async with asyncio.timeout(drain), self._moved:
                self._hurried = True
                self._moved.notify_all()
                await self._moved.wait_for(lambda: not self._waiting)
        except TimeoutError as error:
            fail_stop(Exit.DRAIN, "worker.drain_too_slow", error, topic=self.source.topic)
        self._task.cancel()
        await self._producer.stop()

    async def _write(self) -> None:
        try:
            while True:
                async with self._moved:
                    await self._moved.wait_for(lambda: bool(self._queue))
                    await self._gather()
                self._earliest = asyncio.get_running_loop().time() + self._pace
                await self._commit(self._group())
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, memory is ahead of the changelog now
            fail_stop(Exit.FENCED, "worker.transaction_failed", error, topic=self.source.topic)

    async def _gather(self) -> None:
        """Wait for company until the pace allows the next transaction, unless nothing more may come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._earliest):
                await self._moved.wait_for(lambda: self._hurried or self._waiting >= self._room)

    def _group(self) -> list[Applied]:
        group, changed = [self._queue.popleft()], 0
        while self._queue and len(group) < GROUP_RECORDS and changed < GROUP_CHANGES:
            changed += len(group[-1].changes)
            group.append(self._queue.popleft())
        return group

    async def _commit(self, group: list[Applied]) -> None:
        taken = [each.taken for each in group]
        deliver = self._step.deliver
        outputs = await asyncio.to_thread(deliver, taken) if self._stage.blocking else deliver(taken)
        changes: Changes = {}
        progress = self._progress
        for each in group:
            changes.update(each.changes)
            if each.stamp is not None:
                progress.received[each.stamp.writer] = each.stamp.sequence + 1
        progress.next = group[-1].next
        rows: dict[Place, list[Row]] = {}
        for output in outputs:
            self._stamped(rows, output, progress)
        rows[self._changelog] = list(changelog.rows(changes, progress))
        began = asyncio.get_running_loop().time()
        await self._producer.write(rows)
        self.counts.transaction_seconds += asyncio.get_running_loop().time() - began
        self.durable = progress.next
        self.counts.transactions += 1
        async with self._moved:
            self._waiting -= len(group)
            self._moved.notify_all()

    def _stamped(self, rows: dict[Place, list[Row]], output: Output, progress: Progress) -> None:
        place = (output.topic, output.partition)
        target = f"{output.topic}/{output.partition}"
        sequence = progress.sent.get(target, 0)
        progress.sent[target] = sequence + 1
        record = output.record
        stamp = Stamp(self._writer, sequence).headers()
        rows.setdefault(place, []).append((record.key, record.value, record.headers + stamp))
