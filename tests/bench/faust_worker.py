"""`python -m tests.bench.faust_worker KEYSTORE PARTITIONS`: the supervise worker that a bench loads."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from security.keys.file import FileKeystore
from security.logging import configure
from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust.settings import Settings
from streams.runners.faust.worker import Worker
from tests.bench.fines_load import stage


async def work(keystore: Path, partitions: int) -> None:
    """Run until told to stop."""
    address = KafkaAddress.of_environment()
    assert address is not None
    await Worker(stage(FileKeystore(keystore), partitions), Settings(address, instance="bench", commit=0.2)).run()


if __name__ == "__main__":
    configure()

    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
