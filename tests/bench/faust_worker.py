"""`python -m tests.bench.faust_worker KEYSTORE PARTITIONS`: the supervise worker that a bench loads.

Its audit log lies beside the keystore, checked and with its replica on Kafka as that of any worker.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

from schemas.clock import SystemClock
from security.audit.log import AuditLog
from security.keys.file import FileKeystore
from security.logging import configure
from streams.audit_replica import replicated
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from streams.runners.faust.settings import Settings
from streams.runners.faust.worker import Worker
from tests.bench.fines_load import AUDIT, stage


async def work(keystore: Path, partitions: int) -> None:
    """Run until told to stop."""
    address = KafkaAddress.of_environment()
    assert address is not None
    keys = FileKeystore(keystore)
    keys.provision_signer(AUDIT)
    folder = keystore.parent / "audit"
    with ExitStack() as stack:
        audit = stack.enter_context(
            AuditLog.open(folder, f"casebus.bench/{AUDIT}", AUDIT, keys.signer(AUDIT), SystemClock(), checked=True)
        )
        reader, appender = KafkaReader(address, AUDIT), KafkaAppender(address, AUDIT)
        stack.callback(reader.close)
        stack.callback(appender.close)
        replicated(audit, reader, appender, AUDIT)
        await Worker(stage(keys, partitions, audit), Settings(address, instance=AUDIT, commit=0.2)).run()


if __name__ == "__main__":
    configure()

    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
