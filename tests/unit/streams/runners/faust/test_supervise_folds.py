"""Changing over to other models: states and marks begin anew with the first item of a fold, older ones are left out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from schemas.clock import SystemClock
from schemas.event import derived_id
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams import work
from streams.receivers import seal_work
from streams.runners.faust.key_states import KEY, KeyEntry
from streams.runners.faust.knowledge import Known
from streams.runners.faust.progress import Stamp
from streams.runners.faust.stage import Item, Source
from streams.runners.faust.state import Packed, PartitionState
from streams.runners.faust.supervise_stage import ModelsChangedError, SuperviseStage, SuperviseStep
from streams.supervision.engine import Engine
from streams.supervision.fact import Fact
from streams.supervision.library import load_all
from tests.house.tree import ROOT
from tests.unit.services.gateway.conftest import FakeLog

SOURCE = "roadpolice-IT/fines"
RAW = "casebus.raw.traffic"
WRITERS = {RAW: (f"release/{RAW}/0", f"release/{RAW}/1")}
FILES = [
    ROOT / f"examples/road-fines/models/{name}.yaml" for name in ("fine-no-event", "fine-sent-late", "appeal-sent-late")
]
ONE, OTHER = Engine(load_all(FILES[:1])), Engine(load_all(FILES[1:2]))


@dataclass
class TwoFolds:
    """Epochs 1 and 2 with one model, from 3 on with another."""

    first: Engine = ONE

    def newest(self) -> int:
        """Return the newest epoch."""
        return 4

    def fold(self, epoch: int) -> int:
        """Return the fold."""
        return 1 if epoch < 3 else 3

    def at(self, epoch: int) -> Known:
        """Return what holds."""
        return Known(epoch, self.fold(epoch), self.first if epoch < 3 else OTHER)


@pytest.fixture
def sealer() -> Sealer:
    """A sealer with keys of its own."""
    return Sealer(MemoryKeystore(), SystemClock(), provisions=True)


def opened(sealer: Sealer, state: PartitionState, knowledge: TwoFolds | None = None) -> SuperviseStep:
    """Open the stage on a state."""
    stage = SuperviseStage(FakeLog(), sealer, knowledge or TwoFolds(), lambda _: 1, WRITERS)
    return stage.open(Source(work.TOPIC, 0), state)


def item(sealer: Sealer, content: work.WorkItem, writer: int = 0) -> Item:
    """Make a work record."""
    key = b"k"
    return Item(0, key, seal_work(sealer, key, content), Stamp(WRITERS[RAW][writer], 0).headers())


def fines(number: int, epoch: int) -> work.FactBatch:
    """Make the fact of a fine that was created."""
    fact = Fact(
        derived_id(SOURCE, f"{number}"),
        "traffic.fine.created",
        SOURCE,
        f"{number:020}",
        1_000_000 * number,
        0,
        "990101",
        f"A{number}",
        {"case_id": f"A{number}"},
        None,
    )
    return work.FactBatch((fact,), epoch)


def keys(state: PartitionState) -> int:
    """Count the states of keys."""
    return sum(key.startswith(KEY) for key, _ in state.items())


def test_a_newer_fold_empties_states_and_marks(sealer: Sealer) -> None:
    """An epoch of the same fold keeps them; the first item of a newer one begins anew, and no clock counts yet."""
    state = PartitionState()
    step = opened(sealer, state)
    step.take(item(sealer, fines(1, 1)))
    step.take(item(sealer, fines(2, 2)))
    for writer in (0, 1):
        judged = step.take(item(sealer, work.MarkBatch(5_000_000, {}, 2), writer))
    assert (keys(state), judged.mark) == (2, 5_000_000)

    judged = step.take(item(sealer, fines(1, 3)))

    assert (keys(state), judged.mark, judged.epoch) == (1, 0, 3)


def test_items_of_an_older_fold_are_left_out(sealer: Sealer) -> None:
    """Facts and marks of a release partition that has not come so far change nothing: it sends its history again."""
    state = PartitionState()
    step = opened(sealer, state)
    step.take(item(sealer, work.MarkBatch(5_000_000, {}, 3), 0))

    step.take(item(sealer, fines(7, 2)))
    judged = step.take(item(sealer, work.MarkBatch(6_000_000, {}, 2), 1))
    assert (keys(state), judged.mark) == (0, 0)

    judged = step.take(item(sealer, work.MarkBatch(6_000_000, {}, 4), 1))
    assert judged.mark == 5_000_000


def test_gathered_items_lead_to_the_states_that_each_by_itself_leads_to(sealer: Sealer) -> None:
    """Facts, marks of two writers, a change of fold, what belongs to the fold before and what cannot be read."""
    unreadable = Item(0, b"k", b"no seal", Stamp(WRITERS[RAW][0], 0).headers())
    items = [
        item(sealer, fines(1, 1)),
        unreadable,
        item(sealer, fines(2, 2)),
        item(sealer, work.MarkBatch(5_000_000, {}, 2), 0),
        item(sealer, fines(3, 2)),
        item(sealer, work.MarkBatch(5_000_000, {}, 2), 1),
        item(sealer, fines(4, 3)),
        item(sealer, fines(5, 2)),
        item(sealer, work.MarkBatch(7_000_000, {}, 3), 0),
        item(sealer, work.MarkBatch(7_000_000, {}, 4), 1),
        item(sealer, fines(1, 4)),
    ]

    def outcome(size: int) -> tuple[dict[bytes, bytes | Packed], list[int], int]:
        state = PartitionState()
        step = opened(sealer, state)
        judged = [each for at in range(0, len(items), size) for each in step.gather(items[at : at + size])]
        values = {key: value.clear if isinstance(value, KeyEntry) else value for key, value in state.items()}
        return (
            values,
            [each.marks.clock for each in judged if each.marks],
            sum(each.letter is not None for each in judged),
        )

    single = outcome(1)
    assert [outcome(size) for size in (2, 3, 5, 11)] == [single] * 4
    assert len(single[0]) == 4
    assert single[1:] == ([5_000_000, 7_000_000], 1)


def test_a_partition_goes_on_where_it_stood(sealer: Sealer) -> None:
    """Epoch, fold and marks are part of its state; other models under the same control are refused."""
    state = PartitionState()
    step = opened(sealer, state)
    step.take(item(sealer, fines(1, 1)))
    for writer in (0, 1):
        step.take(item(sealer, work.MarkBatch(5_000_000, {}, 1), writer))

    again = opened(sealer, state)
    judged = again.take(item(sealer, fines(2, 2)))
    assert (keys(state), judged.mark, judged.epoch) == (2, 5_000_000, 2)

    with pytest.raises(ModelsChangedError):
        opened(sealer, state, TwoFolds(first=Engine(load_all(FILES[2:3]))))
