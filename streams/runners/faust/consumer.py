"""Faust's consumer, so that the gate alone decides what counts and what is committed.

Changed from stock, each for a loss that was seen in traces:

- `_read_offset` answers None: Faust's own de-duplication drops re-fetched records after a seek, and `_add_gap` counts
  skipped offsets as acknowledged;
- what is committed is what the changelogs hold durably, whatever Faust believes was acknowledged;
- a full queue does not take its partition out of the fetch: it may never come back;
- no seek to committed offsets: each open partition is read from where its gate stands;
- reads are `read_committed`; every record learns whether the log holds anything between it and the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiokafka
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.runners.faust.settings import Settings

Durable = Callable[[], Mapping[TP, int]]
"""Answers partition → first offset that is not durable yet, for every open partition."""


class FollowingMessage(ConsumerMessage):
    """A message that knows its place: the log holds no record in [follows, offset); None where that is unknown."""

    __slots__ = ("follows",)

    follows: int | None


@dataclass(frozen=True, slots=True)
class Sight:
    """What the consumer sees of a partition: its own position, the last stable offset, the last record handed over."""

    position: int | None
    stable: int | None
    handed: int


class _Unread(dict[TP, int | None]):
    """Read offsets that are never known."""

    def __getitem__(self, key: TP) -> None:
        return None


def _assignment(consumer: Any) -> Any:
    """Return the present assignment, an object of its own after every rebalance; None where there is none."""
    subscription = consumer._subscription.subscription  # noqa: SLF001 - its public face needs requests
    return None if subscription is None else subscription.assignment


class GatedThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches: it notes, atomically with the hand-over, what each record follows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._after: dict[TP, int] = {}
        self._handed: dict[TP, int] = {}
        self._assignment: Any = None

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf, settings = self.app.conf, transport.settings
        return aiokafka.AIOKafkaConsumer(
            group_id=conf.id,
            group_instance_id=settings.instance,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            session_timeout_ms=int(settings.session * 1000),
            heartbeat_interval_ms=int(settings.heartbeat * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            fetch_max_wait_ms=500,
            **settings.client(),
        )

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Mapping[TP, list[Any]]:
        """Fetch, and link each record to the one before; nothing is awaited between the hand-over and the links."""
        fetched: Mapping[TP, list[Any]] = await super()._fetch_records(consumer, *args, **kwargs)
        self._renew(consumer)
        linked: dict[TP, list[Any]] = {}
        for tp, records in fetched.items():
            follows = self._after.get(tp)
            linked[tp] = batch = []
            for record in records:
                batch.append((record, follows))
                follows = record.offset + 1
            self._after[tp] = records[-1].offset + 1
            self._handed[tp] = records[-1].offset
        return linked

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Leave every position as it is: partitions are opened and sought by the worker."""
        return {}

    async def seek_gate(self, tp: TP, offset: int) -> bool:
        """Read a partition again from `offset`, in the thread that fetches; tell whether it is still ours."""
        answer: bool = await self.call_thread(self._seek_gate, tp, offset)
        return answer

    async def _seek_gate(self, tp: TP, offset: int) -> bool:
        consumer = self._ensure_consumer()
        if tp not in consumer.assignment():
            return False
        self._renew(consumer)
        consumer.seek(tp, offset)
        self._after[tp] = offset
        self._handed[tp] = offset - 1
        return True

    def _renew(self, consumer: Any) -> None:
        """Forget what was seen under an assignment that is over: positions start anew with each."""
        assignment = _assignment(consumer)
        if assignment is not self._assignment:
            self._assignment = assignment
            self._after.clear()
            self._handed.clear()

    def sight(self, tp: TP) -> Sight | None:
        """Tell what is seen of a partition; None where it is not assigned."""
        assignment = _assignment(self._ensure_consumer())
        if assignment is None or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        position = state.position if state.has_valid_position else None
        return Sight(position, state.lso, self._handed.get(tp, -1))


class GatedConsumer(driver.Consumer):
    """The consumer whose commits are the durable positions of the changelogs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _Unread()

    _thread: GatedThread

    def _new_consumer_thread(self) -> GatedThread:
        return GatedThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Go on fetching: a full queue holds the fetcher back by itself.

        Stock Faust stops to fetch the partition until its queue has emptied; but where a rebalance emptied the queue
        nobody is told, and the partition stands still.
        """

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was held back."""

    def _to_message(self, tp: TP, record: Any) -> FollowingMessage:
        stored, follows = record
        message = FollowingMessage(
            stored.topic,
            stored.partition,
            stored.offset,
            stored.timestamp / 1000.0,
            stored.timestamp_type,
            stored.headers,
            stored.key,
            stored.value,
            None,
            stored.serialized_key_size,
            stored.serialized_value_size,
            tp,
            generation_id=self.app.consumer_generation_id,
        )
        message.follows = follows
        return message

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        del tps
        durable = cast(GatedTransport, self.transport).durable()
        return {tp: offset for tp, offset in durable.items() if offset > (self._committed_offset[tp] or 0)}

    async def seek_gate(self, tp: TP, offset: int) -> bool:
        """Read a partition again from `offset`; tell whether it is still ours."""
        return await self._thread.seek_gate(tp, offset)

    def sight(self, tp: TP) -> Sight | None:
        """Tell what is seen of a partition; None where it is not assigned."""
        return self._thread.sight(tp)


class GatedTransport(driver.Transport):
    """The transport that makes such consumers."""

    Consumer = GatedConsumer

    def __init__(self, app: Any, settings: Settings, durable: Durable) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.settings = settings
        self.durable = durable
