"""A worker: one stage over the partitions its group gives it.

Faust joins the group, fetches, feeds one agent per topic and says which partitions come and go. Everything else is
ours: a partition is opened (fence, restore, seek) when it is assigned, closed (drain) when it is revoked, and watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import faust
from aiokafka import TopicPartition
from faust.types import TP

from schemas.clock import Clock, SystemClock
from schemas.errors import IntegrityError, UnavailableError
from security.logging import get_logger
from streams.runners.faust import settings as names
from streams.runners.faust.changelog import restore
from streams.runners.faust.consumer import GatedTransport
from streams.runners.faust.failstop import Exit, fail_stop, failed
from streams.runners.faust.gate import Verdict
from streams.runners.faust.partition import OpenPartition
from streams.runners.faust.producer import TransactionalProducer
from streams.runners.faust.room import Room, SpillFailedError
from streams.runners.faust.settings import Settings
from streams.runners.faust.stage import Item, Source, Stage
from streams.runners.memory import settle

LOUD_LIBRARIES = ("aiokafka", "faust", "mode")
WATCH = 0.5
HELD = 0.5
"""How often a closed gate is asked again, seconds."""
SEEK_AGAIN = 1.0
PATIENCE = 8
"""A hole that stays after so many readings from the same offset is loss before us."""
PATIENT_IDLE = 5
"""A partition that is silent while others speak may just wait its turn in the queue: so many times `idle`."""
FETCH_BYTES = 4 << 20
POLL_RECORDS = 100
BUFFER = 256


class FolderlessApp(faust.App):
    """An app that keeps nothing on disk: a killed worker would leave the folder behind."""

    def _create_directories(self) -> None:
        """Make none."""


class ChainBrokenError(IntegrityError):
    """Records of an input partition are missing, also when it is read again."""

    code = "worker.chain_broken"


class Reading:
    """How a hole is healed: when the partition was last sought (first when it was opened), and how often in vain."""

    __slots__ = ("heard", "offset", "sought", "vain")

    def __init__(self, now: float) -> None:
        self.heard = now
        self.sought = now
        self.offset = -1
        self.vain = 0


class Worker:
    """One stage in one process; `run` ends on SIGTERM or SIGINT, every failure ends the process."""

    producer = TransactionalProducer

    def __init__(
        self, stage: Stage, settings: Settings, clock: Clock | None = None, gate: Callable[[], None] = lambda: None
    ) -> None:
        """`gate` is asked before each record and raises UnavailableError where none may be taken now: it waits then."""
        self.stage = stage
        self.held = False
        self._gate = gate
        self.settings = settings
        self._room = Room(settings.memory, settings.folder)
        self.partitions: dict[Source, OpenPartition] = {}
        self._readings: dict[Source, Reading] = {}
        self._heard = 0.0
        self._openings: dict[Source, asyncio.Task[None]] = {}
        self._clock = clock or SystemClock()
        self._log = get_logger("worker").bind(stage=stage.name)
        self._stopping = asyncio.Event()
        self.app = self._make_app()

    async def run(self) -> None:
        """Work until the process is told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.set_exception_handler(_unhandled)
        settle()
        watch = loop.create_task(self._watch())
        starting = loop.create_task(self.app.start())
        stopping = loop.create_task(self._stopping.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and (error := starting.exception()) is not None:
            fail_stop(Exit.KAFKA, "worker.not_started", error)
        self._log.info("worker.started")
        await stopping
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await self._give_up({*self._openings, *self.partitions})
        await self.app.stop()
        self._log.info("worker.stopped")

    def stable(self, source: Source) -> int | None:
        """Return the last stable offset of a partition, as far as it is known."""
        sight = self.app.consumer.sight(_place(source))
        return None if sight is None else cast("int | None", sight.stable)

    def _make_app(self) -> Any:
        for library in LOUD_LIBRARIES:
            # Faust and aiokafka write keys and values of messages at debug level.
            logging.getLogger(library).setLevel(logging.WARNING)
        address = self.settings.address
        broker = ";".join(f"kafka://{server}" for server in address.servers)
        app = FolderlessApp(
            names.group(self.stage.name),
            broker=broker,
            broker_credentials=address.ssl_context(),
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            processing_guarantee="at_least_once",
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=FETCH_BYTES,
            broker_max_poll_records=POLL_RECORDS,
            broker_commit_interval=self.settings.commit,
            broker_session_timeout=self.settings.session,
            broker_request_timeout=self.settings.request,
            broker_heartbeat_interval=self.settings.heartbeat,
            stream_buffer_maxsize=BUFFER,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            worker_redirect_stdouts=False,
        )
        app.transport = GatedTransport(app, self.settings, self._durable)
        for topic in self.stage.topics:
            channel = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
            app.agent(channel, name=f"{self.stage.name}.{topic}", concurrency=1)(self._agent)
        app.on_partitions_assigned.connect(cast(Any, self._assigned), weak=False)
        app.on_partitions_revoked.connect(cast(Any, self._revoked), weak=False)
        return app

    def _durable(self) -> Mapping[TP, int]:
        return {_place(source): partition.durable for source, partition in self.partitions.items()}

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                await self._take(event.message)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - no exception leaves an agent: Faust would acknowledge
                failed(error, Exit.BUG, "worker.step_failed", topic=event.message.topic)

    async def _admitted(self) -> bool:
        """Wait until the gate is open; False where the worker is told to stop meanwhile.

        Nothing is applied and nothing is open while it waits: partitions can be given up, and are read again elsewhere.
        """
        while (error := refusal(self._gate)) is not None:
            if not self.held:
                self.held = True
                self._log.warning("worker.held", code=error.code)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), HELD)
            if self._stopping.is_set():
                return False
        if self.held:
            self.held = False
            self._log.info("worker.goes_on")
        return True

    async def _take(self, message: Any) -> None:
        if not await self._admitted():
            return
        source = Source(message.topic, message.partition)
        partition = self.partitions.get(source)
        if partition is None:
            return
        headers = tuple(message.headers or ())
        item = Item(message.offset, message.key or b"", message.value or b"", headers)
        verdict = await partition.offer(item, message.follows)
        reading = self._readings[source]
        self._heard = reading.heard = asyncio.get_running_loop().time()
        if verdict is Verdict.HOLE:
            await self._read_again(source, partition, "worker.hole_found")
        elif verdict is Verdict.APPLY:
            reading.vain = 0
            if partition.gate.next <= item.offset:
                reading.sought = reading.heard
                self._log.info("worker.history_again", topic=source.topic, partition=source.partition)
                await self.app.consumer.seek_gate(_place(source), partition.gate.next)

    async def _read_again(self, source: Source, partition: OpenPartition, event: str) -> None:
        """Read from where the gate stands, at most once a second; a hole that stays ends the process."""
        reading, now = self._readings[source], asyncio.get_running_loop().time()
        if now - reading.sought < SEEK_AGAIN:
            return
        wanted = partition.gate.next
        reading.vain = reading.vain + 1 if reading.offset == wanted else 1
        if reading.vain > PATIENCE:
            raise ChainBrokenError(topic=source.topic, partition=source.partition, offset=wanted)
        reading.sought, reading.heard, reading.offset = now, now, wanted
        partition.counts.seeks += 1
        self._log.warning(event, topic=source.topic, partition=source.partition, offset=wanted)
        await self.app.consumer.seek_gate(_place(source), wanted)

    async def _assigned(self, app: Any, assigned: Iterable[TP], **_: Any) -> None:
        del app
        for tp in assigned:
            self._begin(Source(tp.topic, tp.partition))

    async def _revoked(self, app: Any, revoked: Iterable[TP], **_: Any) -> None:
        del app
        await self._give_up({Source(tp.topic, tp.partition) for tp in revoked})

    def _begin(self, source: Source) -> None:
        """Begin to open a partition, beside the others."""
        if source.topic not in self.stage.topics or source in self.partitions or source in self._openings:
            return
        task = self._openings[source] = asyncio.get_running_loop().create_task(self._open(source))
        task.add_done_callback(lambda _: self._openings.pop(source, None))

    async def _give_up(self, sources: set[Source]) -> None:
        """Close partitions; what is just being opened is opened first, for then it can be closed in order."""
        await asyncio.gather(*(self._openings[source] for source in sources if source in self._openings))
        await asyncio.gather(*(self._close(source) for source in sources if source in self.partitions))

    async def _open(self, source: Source) -> None:
        """Take a partition over: fence whoever had it, read its changelog, go on from there."""
        try:
            partition = await self._restored(source)
            for other in self.partitions.values():
                other.state.trim()
        except SpillFailedError as error:
            failed(error, Exit.DISK, "worker.open_failed")
        except Exception as error:  # noqa: BLE001 - a partition that cannot be opened must not be skipped
            fail_stop(Exit.KAFKA, "worker.open_failed", error, topic=source.topic, partition=source.partition)
        if not await self.app.consumer.seek_gate(_place(source), partition.gate.next):
            await partition.close(self.settings.drain)
            return
        self._readings[source] = Reading(asyncio.get_running_loop().time())
        self.partitions[source] = partition
        settle()
        self._log.info(
            "worker.partition_opened",
            topic=source.topic,
            partition=source.partition,
            offset=partition.gate.next,
            records=partition.restored.records,
            ms=int(partition.restored.seconds * 1000),
        )

    async def _restored(self, source: Source) -> OpenPartition:
        producer = self.producer(self.settings, names.transaction(self.stage.name, source), self._clock)
        await producer.start()
        topic = names.changelog(self.stage.name, source.topic)
        restored = await restore(self.settings, topic, source.partition, self._room)
        return OpenPartition(self.stage, source, restored, producer, self.settings.in_flight, self.settings.pace)

    async def _close(self, source: Source) -> None:
        partition = self.partitions.pop(source)
        spilled = partition.state.spilled
        await partition.close(self.settings.drain)
        self._log.info(
            "worker.partition_closed",
            topic=source.topic,
            partition=source.partition,
            offset=partition.durable,
            spilled=spilled,
        )

    async def _watch(self) -> None:
        """Open what was missed, and read again where records are left and none arrives."""
        while True:
            await asyncio.sleep(WATCH)
            if self.app.crashed:
                fail_stop(Exit.KAFKA, "worker.faust_crashed", self.app.crash_reason)
            if not self.app.started or self.app.rebalancing or not self.app.flow_control.is_active() or self.held:
                continue
            try:
                await self._look()
            except IntegrityError as error:
                fail_stop(Exit.BROKEN, "worker.integrity_broken", error)

    async def _look(self) -> None:
        for tp in list(self.app.consumer.assignment()):
            source = Source(tp.topic, tp.partition)
            partition, sight = self.partitions.get(source), self.app.consumer.sight(_place(source))
            if partition is None:
                self._begin(source)
            elif sight is not None and not partition.waiting and self._quiet(source):
                unread = sight.position is None or (sight.stable is not None and sight.position < sight.stable)
                if unread or sight.handed >= partition.gate.next:
                    await self._read_again(source, partition, "worker.silence_found")

    def _quiet(self, source: Source) -> bool:
        """Whether nothing came for a while: from any partition, or much longer from this one alone."""
        now, idle = asyncio.get_running_loop().time(), self.settings.idle
        silent = now - self._readings[source].heard
        return silent > PATIENT_IDLE * idle or (silent > idle and now - self._heard > idle)


def refusal(gate: Callable[[], None]) -> UnavailableError | None:
    """Ask a gate; return why it is closed, None where it is open."""
    try:
        gate()
    except UnavailableError as error:
        return error
    return None


def _place(source: Source) -> TopicPartition:
    return TopicPartition(source.topic, source.partition)


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Name what a forgotten task died of; its message may hold anything."""
    del loop
    get_logger("worker").error("worker.task_failed", exc_info=context.get("exception"))
