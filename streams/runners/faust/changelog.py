"""The changelog of an input partition: its states and progress as records of a compacted topic.

    key  "p"            → progress
    key  "s" ‖ state key → state value; no value where the key was removed

States and progress are written in the transaction of the outputs they belong to, so reading the topic to its last
stable offset gives the states exactly as they were just after `progress.next`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.runners.faust import progress
from streams.runners.faust.progress import Progress
from streams.runners.faust.room import Room
from streams.runners.faust.settings import Settings
from streams.runners.faust.state import Changes, PartitionState, packed

PROGRESS = b"p"
STATE = b"s"
FETCH_BYTES = 8 << 20
POLL_MS = 1000

Row = tuple[bytes, bytes | None, progress.Headers]


@dataclass(repr=False)
class Restored:
    """What a changelog held; `end` is the offset just after it, `records` how many were read in how many seconds.

    It has no repr on purpose: asyncio would render all of it in its own messages.
    """

    state: PartitionState = field(default_factory=PartitionState)
    progress: Progress = field(default_factory=Progress)
    end: int = 0
    records: int = 0
    seconds: float = 0.0

    def take(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over records as they come, in their order: the last of a key is what counts."""
        states = []
        for key, value in rows:
            if key == PROGRESS and value is not None:
                self.progress = progress.decode(value)
            else:
                states.append((key[1:], value))
        self.state.load(states)


def rows(changes: Changes, reached: Progress) -> Iterator[Row]:
    """Make the changelog records of a transaction."""
    for key, value in changes.items():
        yield STATE + key, packed(value), ()
    yield PROGRESS, progress.encode(reached), ()


def _client(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=100,
        check_crcs=False,
        **settings.client(),
    )


async def restore(settings: Settings, topic: str, partition: int, room: Room | None = None) -> Restored:
    """Read a changelog partition to its last stable offset; `room` bounds what of it stands in memory.

    Call it only after the partition's transactions were begun anew: then no former owner can add to it any more.
    """
    place, began = TopicPartition(topic, partition), asyncio.get_running_loop().time()
    found = Restored(PartitionState(room=room))
    consumer = _client(settings)
    await consumer.start()
    try:
        consumer.assign([place])
        found.end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        while await consumer.position(place) < found.end:
            batch = (await consumer.getmany(place, timeout_ms=POLL_MS)).get(place, ())
            found.records += len(batch)
            found.take((record.key, record.value) for record in batch)
    finally:
        await consumer.stop()
    found.seconds = asyncio.get_running_loop().time() - began
    return found
