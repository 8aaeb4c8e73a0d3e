"""`python -m tests.integration.kafka.chain_worker STAGE RUN INSTANCE`: one worker of the chain, to be killed.

The address of Kafka comes from the environment (`CASEBUS_KAFKA`). Its log lines go to stderr. `CHAIN_SKIP=N` makes it
lose every N-th record between Faust and the gate, as stock Faust does; `CHAIN_DEBUG=1` makes every library talk;
`CHAIN_LINGER=S` keeps every transaction open for S seconds. `CHAIN_MEMORY=N` bounds the states to N bytes of memory,
the rest goes to files in `CHAIN_STATES`; how many values went there stands in the log when a partition is closed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from security.logging import configure
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust.changelog import Row
from streams.runners.faust.producer import Place, TransactionalProducer
from streams.runners.faust.settings import Settings
from streams.runners.faust.worker import LOUD_LIBRARIES, Worker
from tests.integration.kafka.chain_stages import Topics

SESSION = 3.0


class LossyWorker(Worker):
    """A worker whose Faust skips records."""

    every = 0
    _seen = 0

    async def _take(self, message: Any) -> None:
        self._seen += 1
        if self._seen % self.every:
            await super()._take(message)


class LingeringProducer(TransactionalProducer):
    """A producer whose transactions stay open for a while, so that a freeze finds one."""

    seconds = 0.0

    async def _fill(self, rows: Mapping[Place, Iterable[Row]]) -> None:
        await super()._fill(rows)
        await asyncio.sleep(self.seconds)


async def work(stage: str, run: str, instance: str) -> None:
    """Run one worker until it is told to stop, or killed."""
    address = KafkaAddress.of_environment()
    assert address is not None
    every = int(os.environ.get("CHAIN_SKIP", "0"))
    settings = Settings(
        address,
        instance=instance if instance != "-" else None,
        session=SESSION,
        heartbeat=0.7,
        commit=0.3,
        idle=1.0,
        memory=int(os.environ["CHAIN_MEMORY"]),
        folder=Path(os.environ["CHAIN_STATES"]),
    )
    LossyWorker.every = every
    worker = (LossyWorker if every else Worker)(Topics(run).stage(stage), settings)
    LingeringProducer.seconds = float(os.environ.get("CHAIN_LINGER", "0"))
    if LingeringProducer.seconds:
        worker.producer = LingeringProducer
    if os.environ.get("CHAIN_DEBUG") == "1":
        configure(level=logging.DEBUG)
        for library in ("", *LOUD_LIBRARIES):
            logging.getLogger(library).setLevel(logging.DEBUG)
        for handler in logging.getLogger().handlers:
            handler.setLevel(logging.DEBUG)
    await worker.run()


if __name__ == "__main__":
    configure()
    asyncio.run(work(*sys.argv[1:4]))
