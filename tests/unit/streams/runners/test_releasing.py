"""The release step over an embedded bus: what shares one transaction, and how far each topic has come afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemas.clock import ManualClock
from security.audit.record import Entry
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Record
from streams.runners import releasing
from streams.runners.releasing import DEAD_LETTERS, GROUP, Releasing
from tests.unit.services.gateway.conftest import FakeAppended, FakeLog


class GroupLog(FakeLog):
    """Remembers how many entries became durable together."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[int] = []

    def append(self, entries: Sequence[Entry]) -> FakeAppended:
        """Keep entries."""
        self.groups.append(len(entries))
        return super().append(entries)


def opened(path: Path) -> tuple[EmbeddedBus, GroupLog, Releasing]:
    """Return a release step without receivers: raw records that cannot be opened become dead letters."""
    bus, log = EmbeddedBus(path), GroupLog()
    sealer = Sealer(MemoryKeystore(), ManualClock(0))
    return bus, log, Releasing(bus, log, sealer, None, tuple, lambda: 1, "n1")  # type: ignore[arg-type]


def test_small_records_of_several_topics_share_a_step(tmp_path: Path) -> None:
    """One group in the log, one transaction on the bus, and each topic's position is past its last record."""
    bus, log, step = opened(tmp_path / "bus.db")
    for topic, count in {"casebus.raw.a": 3, "casebus.raw.b": 70, "casebus.raw.c": 0}.items():
        for number in range(count):
            bus.append(topic, 0, [Record(b"k", b"not a batch %d" % number)])

    topics = bus.topics("casebus.raw.")
    done = [step.step(topics), step.step(topics), step.step(topics)]

    assert done == [3 + releasing.TOPIC_RECORDS, 70 - releasing.TOPIC_RECORDS, 0]
    assert log.groups == done[:2]
    assert [bus.position(GROUP, topic, 0) for topic in topics] == [3, 70]
    assert bus.end(DEAD_LETTERS, 0) == 73
    bus.close()


def test_large_records_go_by_themselves(tmp_path: Path) -> None:
    """A topic that fills a step is not joined by others: no transaction keeps the door waiting for long."""
    bus, log, step = opened(tmp_path / "bus.db")
    large = Record(b"k", b"x" * (releasing.STEP_BYTES // releasing.BATCHES))
    for topic in ("casebus.raw.a", "casebus.raw.b"):
        bus.append(topic, 0, [large] * 20)

    assert step.step(["casebus.raw.a", "casebus.raw.b"]) == 2 * releasing.BATCHES
    assert log.groups == [releasing.BATCHES, releasing.BATCHES]
    bus.close()
