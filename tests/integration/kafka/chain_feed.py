"""Events into raw at a steady pace, some of them twice, as a gateway's publishers do; from a process of its own.

`python -m tests.integration.kafka.chain_feed LOAD` says when it has begun, writes until its standard input ends, waits
until Kafka has acknowledged everything, and prints how many records that were. In a process of its own because
kafka-python leaves the sockets of refused connections to the collector while brokers are away.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from kafka import KafkaProducer

from streams.bus.kafka_address import KafkaAddress
from tests.house.tree import ROOT
from tests.integration.kafka.chain_stages import Topics, raw_value

AGAIN = 0.05
"""The share of events that are sent twice."""
PATIENCE = 120.0


class Load(msgspec.Struct, frozen=True):
    """What is sent where: records a second of so many events, over so many cases."""

    run: str
    partitions: int
    per_second: int
    events: int
    cases: int
    seed: int
    key: bytes


@dataclass
class Feed:
    """A feeding process; `sent` is known when it has ended."""

    address: KafkaAddress
    topics: Topics
    per_second: int = 60
    events: int = 20
    cases: int = 400
    seed: int = 7
    key: bytes = b""
    sent: int = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[Feed]:
        """Feed while the block runs; everything is acknowledged when it is left."""
        load = Load(
            self.topics.run, self.topics.partitions, self.per_second, self.events, self.cases, self.seed, self.key
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.kafka.chain_feed", msgspec.json.encode(load).decode()],
            cwd=ROOT,
            env={**os.environ, **self.address.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it has begun
            yield self
            said, _ = process.communicate(timeout=PATIENCE)
            self.sent = int(said)
        finally:
            process.kill()
            process.communicate()


def feed(address: KafkaAddress, load: Load) -> int:
    """Send until standard input ends; return the number of acknowledged records."""
    # Idempotent: a broker that is away must not make one batch two.
    producer = KafkaProducer(acks="all", linger_ms=5, enable_idempotence=True, **address.options())
    chance = random.Random(load.seed)  # noqa: S311 - a reproducible load
    topic, number = Topics(load.run).raw, 0
    sent: list[Any] = []
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        for _ in range(load.per_second // 10):
            partition = len(sent) % load.partitions
            batch = []
            for _ in range(load.events):
                # The same event always goes to the same partition: raw is partitioned by its digest.
                again = number > load.events and chance.random() < AGAIN
                event = (chance.randrange(number) if again else number) // 3 * 3 + partition
                number += 3 * (not again)
                batch.append((event, event * 7919 % load.cases))
            sent.append(producer.send(topic, value=raw_value(batch), key=load.key, partition=partition))
        if len(sent) == load.per_second // 10:
            print("begun", flush=True)
    producer.flush()
    for each in sent:
        each.get(timeout=0)
    producer.close()
    return len(sent)


if __name__ == "__main__":
    where = KafkaAddress.of_environment()
    assert where is not None
    print(feed(where, msgspec.json.decode(sys.argv[1], type=Load)))
