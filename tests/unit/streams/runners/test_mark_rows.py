"""What gateways tell behind what they sent: each of its own sources, the node alone of clock and epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.clock import ManualClock
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Record
from streams.runners.faust.marks import WriterMarks, open_marks
from streams.runners.mark_rows import mark_rows
from streams.work import MarkBatch

POLICE, COURT = "casebus.raw.police", "casebus.raw.court"
AGENCIES = {"p/1": "police", "c/1": "court"}


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[EmbeddedBus]:
    """A bus with two raw topics."""
    made = EmbeddedBus(tmp_path / "bus.db")
    for topic in (POLICE, COURT):
        made.append(topic, 0, [Record(b"k", b"v")])
    yield made
    made.close()


@pytest.fixture
def sealer() -> Sealer:
    """A sealer of a fresh keystore."""
    return Sealer(MemoryKeystore(), ManualClock(0), provisions=True)


def told(sealer: Sealer, rows: dict[tuple[str, int], list[Record]]) -> dict[str, MarkBatch]:
    """Open what was told, by topic."""
    found = {}
    for (topic, partition), (record,) in rows.items():
        batch = open_marks(sealer, topic, partition, record.key, record.value)
        assert isinstance(batch, MarkBatch)
        found[topic] = batch
    return found


def test_a_topic_speaks_for_its_own_sources(bus: EmbeddedBus, sealer: Sealer) -> None:
    """The node tells clock and epoch to every raw partition, and each source's mark where its events are."""
    rows = mark_rows(bus, sealer, {"p/1": 10, "c/1": 20}, AGENCIES, 99, 4)

    assert told(sealer, rows) == {POLICE: MarkBatch(99, {"p/1": 10}, 4), COURT: MarkBatch(99, {"c/1": 20}, 4)}


def test_a_mark_of_a_source_that_publishes_elsewhere_is_not_told(bus: EmbeddedBus, sealer: Sealer) -> None:
    """What a source declared before it moved stays untold: its new gateway speaks for it."""
    rows = mark_rows(bus, sealer, {"p/1": 10, "c/1": 20}, {"c/1": "court"}, 99, 4)

    assert told(sealer, rows)[POLICE] == MarkBatch(99, {}, 4)


def test_a_gateway_beside_the_node_moves_its_sources_marks_and_nothing_else(bus: EmbeddedBus, sealer: Sealer) -> None:
    """Told without clock and epoch: the writer's clock and the other sources stay as they were."""
    rows = mark_rows(bus, sealer, {"p/1": 50}, AGENCIES, 0, 0)
    marks = WriterMarks({POLICE: ("w",)})
    marks.tell("w", MarkBatch(99, {"p/1": 10, "p/2": 7}, 4))

    marks.tell("w", told(sealer, rows)[POLICE])

    assert set(rows) == {(POLICE, 0)}
    assert (marks.clock, marks.sources) == (99, {"p/1": 50, "p/2": 7})
