"""Receivers on a real Kafka: every partition, committed records only, from cursor to cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple

import pytest
from kafka.admin import KafkaAdminClient

from schemas.clock import ManualClock
from security.audit.record import Entry
from security.keys.memory import MemoryKeystore
from security.policy.compile import compile_table
from security.sealing import Sealer
from security.subjects import Principal
from services.gateway.cursor import SignedCursors
from services.gateway.readers import Reader
from services.gateway.receiving import Receiving
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import producer
from streams.bus.kafka_reader import KafkaReader
from streams.view_topic import ViewReceiver

pytestmark = pytest.mark.kafka

PARTITIONS = 3
NOW = 1_772_323_200_000_000


class Appended(NamedTuple):
    """What the log answers."""

    first: int


class Log(list[Entry]):
    """An audit log in memory."""

    def append(self, entries: Sequence[Entry]) -> Appended:  # type: ignore[override]  # as the log's port has it
        """Keep entries."""
        self.extend(entries)
        return Appended(len(self) - len(entries))


@pytest.fixture
def name(kafka: KafkaAddress, run_name: Callable[[], str]) -> str:
    """A subscription whose topic holds committed views and, between them, aborted ones."""
    made = f"{run_name()}-receiver"
    topic = f"casebus.view.{made}"
    with closing(KafkaAdminClient(**kafka.options())) as admin:
        options = {"num_partitions": PARTITIONS, "replication_factor": 1}
        admin.create_topics({topic: options}, wait_for_metadata=True)
    with closing(producer(kafka, made, transactional_id=made)) as writing:
        writing.init_transactions()
        for turn in range(6):
            writing.begin_transaction()
            for partition in (0, 2):
                for n in range(3):
                    said = b"aborted" if turn % 3 == 1 else f"{turn}/{partition}/{n}".encode()
                    writing.send(topic, partition=partition, key=b"k", value=said)
            if turn % 3 == 1:
                writing.abort_transaction()
            else:
                writing.commit_transaction()
    return made


def test_every_committed_view_once_whatever_the_page(kafka: KafkaAddress, name: str) -> None:
    """Gaps of markers and aborted records are no views; the last page's cursor is the end; each pull is on record."""
    log, keys = Log(), MemoryKeystore()
    sealer = Sealer(keys, ManualClock(NOW), provisions=True)
    asking = Principal(id=name, kind="subscription", organisation="court", purpose="p", districts=("99",))
    receiver = ViewReceiver(compile_table(asking, ()), sealer)
    with closing(KafkaReader(kafka, "receivers")) as bus:
        receiving = Receiving(
            bus, log, ManualClock(NOW), lambda: {name: receiver}, lambda: 1, cursors=SignedCursors(sealer.keyed_digest)
        )
        found: list[tuple[int, bytes]] = []
        after: int | str = "-1"
        while (page := receiving.read(Reader(name, "court", name), name, after, 7, "page")).views:
            found += [(view.partition, view.stored.value) for view in page.views]
            after = page.next
        ends = [bus.end(receiver.topic, n) for n in range(PARTITIONS)]

    wanted = [(p, f"{turn}/{p}/{n}".encode()) for p in (0, 2) for turn in (0, 2, 3, 5) for n in range(3)]
    assert sorted(found) == sorted(wanted)
    assert [value for p, value in found if p == 2] == [value for p, value in wanted if p == 2]
    assert (page.next, page.seen) == (page.end, sum(ends) - 1)
    assert sum(entry.data["count"] for entry in log if entry.act == "pull") == len(wanted)
    assert {entry.part for entry in log if entry.act == "pull"} == {0, 2}
