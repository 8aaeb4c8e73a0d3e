"""One transactional producer per input partition: outputs, states and progress become visible together.

Starting it fences whoever held the partition before and aborts what they left open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.clock import Clock
from schemas.errors import RefusedError
from streams.runners.faust.changelog import Row
from streams.runners.faust.settings import Settings

BATCH_BYTES = 1_000_000
REQUEST_BYTES = 4 << 20

Place = tuple[str, int]


class RecordTooLargeError(RefusedError):
    """A record a stage made is larger than a batch may be."""

    code = "worker.record_too_large"
    http_status = 413


class TransactionalProducer:
    """Writes transactions under one transactional id; the caller does one at a time."""

    def __init__(self, settings: Settings, transactional_id: str, clock: Clock) -> None:
        self._clock = clock
        self._producer = AIOKafkaProducer(
            transactional_id=transactional_id,
            transaction_timeout_ms=int(settings.transaction * 1000),
            acks="all",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
            **settings.client(),
        )

    async def start(self) -> None:
        """Take the id over: fence its former holder and abort what they left open."""
        await self._producer.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._producer.stop()

    async def write(self, rows: Mapping[Place, Iterable[Row]]) -> None:
        """Write everything in one transaction; it is committed when this returns.

        Every batch's own answer is awaited: a flush alone would not tell of one that failed.
        """
        await self._producer.begin_transaction()
        await self._fill(rows)
        await self._producer.commit_transaction()

    async def _fill(self, rows: Mapping[Place, Iterable[Row]]) -> None:
        sending = [self._send(topic, partition, each) for (topic, partition), each in rows.items()]
        await asyncio.gather(*[future for futures in await asyncio.gather(*sending) for future in futures])

    async def _send(self, topic: str, partition: int, rows: Iterable[Row]) -> Sequence[Any]:
        timestamp = self._clock.now_us() // 1000
        futures, batch = [], self._producer.create_batch()
        for key, value, headers in rows:
            if batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers)) is None:
                futures.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                if batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers)) is None:
                    raise RecordTooLargeError(topic=topic, bytes=len(value or b""))
        futures.append(await self._producer.send_batch(batch, topic, partition=partition))
        return futures
