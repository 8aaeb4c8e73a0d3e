"""An open partition: outputs, states and progress go out together, in order, and never ahead of what was applied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from security.audit.errors import AuditPoisonedError
from streams.bus.port import Record
from streams.runners.faust import changelog, progress
from streams.runners.faust.changelog import Restored, Row
from streams.runners.faust.failstop import Exit
from streams.runners.faust.gate import Verdict
from streams.runners.faust.partition import GATHER_RECORDS, OpenPartition
from streams.runners.faust.producer import Place
from streams.runners.faust.progress import Progress, stamp_of
from streams.runners.faust.stage import Back, Item, Output, PureStage, Source, Step
from streams.runners.faust.state import PartitionState

CHANGELOG = ("casebus.changelog.s.in", 0)


@dataclass
class Slow:
    """A producer that holds each transaction back until it is let go."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    written: list[dict[Place, list[Row]]] = field(default_factory=list)
    stopped: bool = False

    async def write(self, rows: dict[Place, list[Row]]) -> None:
        """Wait, then keep."""
        await self.gate.wait()
        self.written.append(rows)

    async def stop(self) -> None:
        """Note it."""
        self.stopped = True


def count(item: Item, state: PartitionState) -> list[Output]:
    """Count records; send the count to one of two partitions."""
    seen = int(state.read(b"n") or b"0") + 1
    state.put(b"n", b"%d" % seen)
    return [Output("out", seen % 2, Record(item.key, b"%d" % seen))]


def opened(producer: Slow, restored: Restored | None = None, in_flight: int = 8, pace: float = 0.0) -> OpenPartition:
    """Open a partition of a counting stage."""
    stage = PureStage("s", ("casebus.in",), count, chained=False)
    return OpenPartition(stage, Source("casebus.in", 0), restored or Restored(), producer, in_flight, pace)


def item(offset: int) -> Item:
    """Make a record."""
    return Item(offset, b"k%d" % offset, b"")


def test_records_that_wait_go_out_in_one_transaction_with_the_newest_state() -> None:
    """Three applied records: their outputs in order, one value of the changed key, progress after the last."""

    async def scenario() -> Slow:
        producer = Slow()
        partition = opened(producer)
        await partition.offer(item(0), None)
        await asyncio.sleep(0)
        for offset in (1, 2, 3):
            await partition.offer(item(offset), None)
        assert partition.durable == 0
        producer.gate.set()
        await partition.close(5)
        assert partition.durable == 4
        return producer

    producer = asyncio.run(scenario())

    rows = [row for written in producer.written for row in written[CHANGELOG]]
    assert rows[-2:] == [(b"sn", b"4", ()), (changelog.PROGRESS, rows[-1][1], ())]
    assert progress.decode(rows[-1][1] or b"") == Progress(next=4, sent={"out/0": 2, "out/1": 2})
    sent = [row for written in producer.written for place in (("out", 0), ("out", 1)) for row in written.get(place, [])]
    numbers = {place: [stamp_of(h).sequence for _, v, h in sent if int(v or b"") % 2 == place] for place in (0, 1)}
    assert numbers == {0: [0, 1], 1: [0, 1]}
    assert len(producer.written) < 4
    assert producer.stopped


def test_a_restored_partition_goes_on_with_state_and_numbers() -> None:
    """After a takeover the count and the sequence continue; a record from before is old."""

    async def scenario() -> Slow:
        producer = Slow()
        producer.gate.set()
        restored = Restored(PartitionState({b"n": b"7"}), progress=Progress(next=9, sent={"out/0": 4}))
        partition = opened(producer, restored)
        assert await partition.offer(item(8), None) is Verdict.OLD
        assert await partition.offer(item(10), None) is Verdict.HOLE
        assert await partition.offer(item(9), None) is Verdict.APPLY
        await partition.close(5)
        return producer

    (written,) = asyncio.run(scenario()).written

    ((_, value, headers),) = written["out", 0]
    assert (value, stamp_of(headers).sequence) == (b"8", 4)


def test_applying_waits_where_too_much_is_not_durable() -> None:
    """Memory may not run ahead of the changelog by more than was agreed."""

    async def scenario() -> None:
        producer = Slow()
        partition = opened(producer, in_flight=2)
        await partition.offer(item(0), None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(partition.offer(item(1), None), 0.05)
        assert partition.waiting == 2
        producer.gate.set()
        await partition.close(5)
        assert partition.durable == 2

    asyncio.run(scenario())


def test_a_step_may_have_its_input_read_again() -> None:
    """The gate wants the earlier record next, and that is durable together with what the step kept."""

    class Once:
        """Goes back to the beginning at its third record, once."""

        def __init__(self, state: PartitionState) -> None:
            self._state = state

        def take(self, item: Item) -> Back | list[Output]:
            """Go back, and remember it."""
            if item.offset == 2 and self._state.read(b"again") is None:
                self._state.put(b"again", b"1")
                return Back(0, [])
            return []

        def deliver(self, taken: Sequence[list[Output]]) -> list[Output]:
            """Deliver nothing."""
            return [output for outputs in taken for output in outputs]

    class Stepping(PureStage):
        """Opens it."""

        def open(self, source: Source, state: PartitionState) -> Step:
            """Open."""
            del source
            return Once(state)

    async def run() -> None:
        producer = Slow()
        producer.gate.set()
        stage = Stepping("s", ("casebus.in",), count, chained=False)
        partition = OpenPartition(stage, Source("casebus.in", 0), Restored(), producer, 8)
        for offset in (0, 1, 2):
            assert await partition.offer(item(offset), None) is Verdict.APPLY
        assert partition.gate.next == 0
        assert await partition.offer(item(3), None) is Verdict.HOLE
        for offset in (0, 1, 2, 3):
            assert await partition.offer(item(offset), None) is Verdict.APPLY
        await partition.close(1)
        (*_, (key, value, _)) = [row for rows in producer.written for row in rows[CHANGELOG]]
        assert (key, progress.decode(value or b"").next) == (changelog.PROGRESS, 4)

    asyncio.run(run())


def test_a_record_alone_goes_out_at_once_and_those_behind_it_share_a_transaction() -> None:
    """The pace holds back the second transaction, not the first; closing waits for none."""

    async def scenario() -> tuple[list[int], Slow]:
        producer = Slow()
        producer.gate.set()
        partition = opened(producer, pace=60)
        durable = []
        await partition.offer(item(0), None)
        await until(lambda: partition.durable == 1)
        for offset in (1, 2, 3):
            await partition.offer(item(offset), None)
            await asyncio.sleep(0.01)
            durable.append(partition.durable)
        await partition.close(5)
        return [*durable, partition.durable], producer

    durable, producer = asyncio.run(scenario())
    assert durable == [1, 1, 1, 4]
    assert len(producer.written) == 2


def test_a_partition_that_is_full_does_not_wait_for_its_pace() -> None:
    """As many records as may be in flight are company enough."""

    async def scenario() -> None:
        producer = Slow()
        producer.gate.set()
        partition = opened(producer, in_flight=3, pace=60)
        for offset in range(7):
            async with asyncio.timeout(5):
                await partition.offer(item(offset), None)
        assert partition.durable >= 4
        await partition.close(5)

    asyncio.run(scenario())


def gathering(producer: Slow) -> tuple[OpenPartition, list[int]]:
    """Open a partition whose step gathers; the list tells how many records were applied together."""
    together: list[int] = []

    class Counting:
        """Counts what it is given."""

        def __init__(self, state: PartitionState) -> None:
            self._state = state

        def take(self, item: Item) -> list[Output]:
            """Never asked."""
            raise AssertionError(item)

        def gather(self, items: Sequence[Item]) -> list[list[Output]]:
            """Note how many, keep the last."""
            together.append(len(items))
            self._state.put(b"n", b"%d" % items[-1].offset)
            return [[Output("out", 0, Record(items[-1].key, b""))]]

        def deliver(self, taken: Sequence[list[Output]]) -> list[Output]:
            """Give the outputs on."""
            return [output for outputs in taken for output in outputs]

    class Stepping(PureStage):
        """Opens it."""

        def open(self, source: Source, state: PartitionState) -> Step:
            """Open."""
            del source
            return Counting(state)

    stage = Stepping("s", ("casebus.in",), count, chained=False)
    return OpenPartition(stage, Source("casebus.in", 0), Restored(), producer, 64), together


def test_records_that_lag_are_applied_together() -> None:
    """While a transaction is under way records are held; then one application and one transaction take them all."""

    async def scenario() -> tuple[Slow, list[int]]:
        producer = Slow()
        partition, together = gathering(producer)
        await partition.offer(item(0), None)
        await until(lambda: together == [1])
        for offset in range(1, 6):
            await partition.offer(item(offset), None)
        assert together == [1]
        producer.gate.set()
        await partition.close(5)
        assert partition.durable == 6
        return producer, together

    producer, together = asyncio.run(scenario())

    assert together == [1, 5]
    assert [progress.decode(written[CHANGELOG][-1][1] or b"").next for written in producer.written] == [1, 6]
    assert [v for written in producer.written for key, v, _ in written[CHANGELOG] if key == b"sn"] == [b"0", b"5"]


def test_no_more_is_held_than_a_group() -> None:
    """A full group is applied at once, also while the transaction before it is under way."""

    async def scenario() -> list[int]:
        producer = Slow()
        partition, together = gathering(producer)
        await partition.offer(item(0), None)
        await until(lambda: together == [1])
        for offset in range(1, GATHER_RECORDS + 3):
            await partition.offer(item(offset), None)
        producer.gate.set()
        await partition.close(5)
        return together

    assert asyncio.run(scenario()) == [1, GATHER_RECORDS, 2]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nothing sets an event here
            await asyncio.sleep(0)


class FullDisk:
    """A step whose manifests cannot be written."""

    def take(self, item: Item) -> Item:
        """Take anything."""
        return item

    def deliver(self, taken: Sequence[Item]) -> list[Output]:
        """Find the disk full."""
        del taken
        raise AuditPoisonedError(reason="ENOSPC")


def test_a_log_that_cannot_be_written_ends_the_process_with_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told as such, with its reason, and nothing of that group is written to Kafka."""
    told: list[tuple[Exit, str, object]] = []

    class EndedError(Exception):
        """Stands for the end of the process."""

    def ended(code: Exit, event: str, error: BaseException | None = None, **fields: object) -> None:
        del error
        told.append((code, event, fields["reason"]))
        raise EndedError

    async def scenario() -> Slow:
        producer = Slow()
        producer.gate.set()
        partition = opened(producer)
        monkeypatch.setattr(partition, "_step", FullDisk())
        await partition.offer(item(0), None)
        with pytest.raises(EndedError):
            await asyncio.wait_for(partition._task, 5)
        return producer

    monkeypatch.setattr("streams.runners.faust.partition.fail_stop", ended)
    producer = asyncio.run(scenario())

    assert told == [(Exit.DISK, "worker.audit_failed", "ENOSPC")]
    assert producer.written == []
