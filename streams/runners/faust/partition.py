"""One open input partition: its state, its gate, and the writer that makes what was applied durable.

Applying runs ahead of durability by at most `in_flight` records. The writer takes all that is queued into one
transaction: outputs, the newest value of every changed key, and the progress just after the last record. A record that
comes alone is written at once; where they come quicker than `pace`, those of that time share a transaction, for each
has a price of its own. Any failure ends the process: what was applied in memory but not committed must not be built
upon.

Where the step is a gathering one, records are held until their transaction begins and applied together, or earlier by
groups where they come quicker than transactions end: so the more a partition lags, the cheaper a record becomes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from security.audit.errors import AuditPoisonedError
from streams.runners.faust import changelog, settings
from streams.runners.faust.changelog import Restored, Row
from streams.runners.faust.failstop import Exit, fail_stop, failed
from streams.runners.faust.gate import Gate, Verdict
from streams.runners.faust.producer import Place
from streams.runners.faust.progress import Progress, Stamp, stamp_of
from streams.runners.faust.stage import Back, Gathering, Item, Output, Source, Stage
from streams.runners.faust.state import Changes

GROUP_RECORDS = 64
GROUP_CHANGES = 20_000
"""A transaction takes no further record beyond so many records or changed keys."""
GATHER_RECORDS = 32
GATHER_BYTES = 1 << 20
"""Records are not held beyond so many, or so many bytes of them."""


class Producer(Protocol):
    """What a partition needs of its producer."""

    async def write(self, rows: dict[Place, list[Row]]) -> None:
        """Write everything in one transaction; it is committed when this returns."""
        ...

    async def stop(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """A record that passed the gate, and the gate just after it."""

    next: int
    stamp: Stamp | None
    item: Item


@dataclass(frozen=True, slots=True)
class Applied:
    """Records that were applied together and wait to become durable: what came of them, and what they changed."""

    passed: Sequence[Passed]
    taken: Sequence[Any]
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
        self.state = restored.state
        self.gate = Gate(restored.progress, chained=stage.chained)
        self._stage = stage
        self._step = stage.open(source, self.state)
        self._gathering = self._step if isinstance(self._step, Gathering) else None
        self._producer = producer
        self._progress = restored.progress
        self._writer = settings.writer(stage.name, source)
        self._changelog = (settings.changelog(stage.name, source.topic), source.partition)
        self._held: list[Passed] = []
        self._held_bytes = 0
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
            self._waiting += 1
            self.counts.applied += 1
            self._pass(item, stamp)
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

    def _pass(self, item: Item, stamp: Stamp | None) -> None:
        """Apply a record, or hold it until there is a group of them."""
        if self._gathering is not None:
            self._held.append(Passed(self.gate.next, stamp, item))
            self._held_bytes += len(item.value)
            full = len(self._held) >= GATHER_RECORDS or self._held_bytes >= GATHER_BYTES
            if full or self._waiting >= self._room:
                self._apply_held()
            return
        taken = self._step.take(item)
        if isinstance(taken, Back):
            self.gate.back(taken.offset)
            taken = taken.taken
        self._queue.append(Applied((Passed(self.gate.next, stamp, item),), (taken,), self.state.drain()))

    def _apply_held(self) -> None:
        if self._gathering is not None and self._held:
            held, self._held, self._held_bytes = self._held, [], 0
            taken = self._gathering.gather([passed.item for passed in held])
            self._queue.append(Applied(held, taken, self.state.drain()))

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
        self.state.close()

    async def _write(self) -> None:
        try:
            while True:
                async with self._moved:
                    await self._moved.wait_for(lambda: self._queue or self._held)
                    await self._gather()
                self._earliest = asyncio.get_running_loop().time() + self._pace
                self._apply_or_stop()
                await self._commit(self._group())
        except asyncio.CancelledError:
            raise
        except AuditPoisonedError as error:
            reason = error.fields.get("reason")
            fail_stop(Exit.DISK, "worker.audit_failed", error, topic=self.source.topic, reason=reason)
        except BaseException as error:  # noqa: BLE001 - whatever it is, memory is ahead of the changelog now
            fail_stop(Exit.FENCED, "worker.transaction_failed", error, topic=self.source.topic)

    async def _gather(self) -> None:
        """Wait for company until the pace allows the next transaction, unless nothing more may come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._earliest):
                await self._moved.wait_for(lambda: self._hurried or self._waiting >= self._room)

    def _apply_or_stop(self) -> None:
        try:
            self._apply_held()
        except Exception as error:  # noqa: BLE001 - a step that failed half-way must not be built upon
            failed(error, Exit.BUG, "worker.step_failed", topic=self.source.topic)

    def _group(self) -> list[Applied]:
        group = [self._queue.popleft()]
        records, changed = len(group[0].passed), len(group[0].changes)
        while self._queue and records < GROUP_RECORDS and changed < GROUP_CHANGES:
            each = self._queue.popleft()
            records, changed = records + len(each.passed), changed + len(each.changes)
            group.append(each)
        return group

    async def _commit(self, group: list[Applied]) -> None:
        taken = [each for applied in group for each in applied.taken]
        deliver = self._step.deliver
        outputs = await asyncio.to_thread(deliver, taken) if self._stage.blocking else deliver(taken)
        changes: Changes = {}
        progress = self._progress
        for each in group:
            changes.update(each.changes)
            for passed in each.passed:
                if passed.stamp is not None:
                    progress.received[passed.stamp.writer] = passed.stamp.sequence + 1
        progress.next = group[-1].passed[-1].next
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
            self._waiting -= sum(len(each.passed) for each in group)
            self._moved.notify_all()

    def _stamped(self, rows: dict[Place, list[Row]], output: Output, progress: Progress) -> None:
        place = (output.topic, output.partition)
        target = f"{output.topic}/{output.partition}"
        sequence = progress.sent.get(target, 0)
        progress.sent[target] = sequence + 1
        record = output.record
        stamp = Stamp(self._writer, sequence).headers()
        rows.setdefault(place, []).append((record.key, record.value, record.headers + stamp))
