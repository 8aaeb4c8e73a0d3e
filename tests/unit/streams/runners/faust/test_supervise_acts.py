"""What supervision finds stands in the audit log before anything is named that goes out."""

from __future__ import annotations

import pytest

from schemas.clock import SystemClock
from security.audit.errors import AuditPoisonedError
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams import alerts, work
from streams.runners.faust.progress import Stamp
from streams.runners.faust.stage import Item, Source
from streams.runners.faust.state import PartitionState
from streams.runners.faust.supervise_stage import Judged, SuperviseStage, SuperviseStep
from streams.runners.releasing import DEAD_LETTERS
from tests.unit.services.gateway.conftest import FakeLog
from tests.unit.streams.runners.faust.test_supervise_folds import RAW, WRITERS, TwoFolds, fines, item

YEAR = 366 * 86_400_000_000


class Bench:
    """A step of one partition and its log."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.sealer = Sealer(MemoryKeystore(), SystemClock(), provisions=True)
        stage = SuperviseStage(self.log, self.sealer, TwoFolds(), lambda _: 1, WRITERS)
        self.blocking = stage.blocking
        self.step: SuperviseStep = stage.open(Source(work.TOPIC, 0), PartitionState())

    def overdue(self) -> list[Judged]:
        """Let a fine pass its limit."""
        passed = [item(self.sealer, work.MarkBatch(YEAR, {}, 1), writer) for writer in (0, 1)]
        return self.step.gather([item(self.sealer, fines(1, 1)), *passed])


def test_each_new_state_is_on_record_with_its_model_and_no_word_of_whom_it_is_about() -> None:
    """Alert, model, version, digest, epoch and mark; the case and every value of the event are not in it."""
    bench = Bench()

    outputs = bench.step.deliver(bench.overdue())

    told = [alerts.decode(each.record.value) for each in outputs if each.topic == alerts.TOPIC]
    assert [(a.id, a.model, a.digest, a.epoch) for a in told] == [
        (e.obj, e.actor, e.pol, e.ctl) for e in bench.log.entries
    ]
    assert [(a.state, a.version, a.mark) for a in told] == [
        (e.data["state"], e.data["version"], e.data["mark"]) for e in bench.log.entries
    ]
    assert len(told) == 1
    assert [(e.act, e.role, e.idem) for e in bench.log.entries] == [
        ("alert", "model", f"{told[0].id}/{told[0].state}/{YEAR}")
    ]
    assert "A1" not in repr(bench.log.entries)


def test_what_cannot_be_recorded_is_not_told() -> None:
    """The log fails: nothing is named that goes out; taken again, the same stands on record and goes out."""
    bench = Bench()
    judged = bench.overdue()
    bench.log.failure = AuditPoisonedError(reason="ENOSPC")
    with pytest.raises(AuditPoisonedError):
        bench.step.deliver(judged)
    assert bench.log.entries == []

    bench.log.failure = None
    assert [each.topic for each in bench.step.deliver(judged)].count(alerts.TOPIC) == 1
    bench.step.deliver(judged)
    first, again = bench.log.entries
    assert first == again


def test_what_is_set_aside_is_on_record_by_its_place() -> None:
    """A work item that cannot be opened becomes a dead letter, and an act that names topic, partition and offset."""
    bench = Bench()
    unreadable = Item(7, b"k", b"no seal", Stamp(WRITERS[RAW][0], 0).headers())

    outputs = bench.step.deliver([bench.step.take(unreadable)])

    assert [each.topic for each in outputs] == [DEAD_LETTERS]
    assert [(e.act, e.topic, e.part, e.off) for e in bench.log.entries] == [("quarantine", work.TOPIC, 0, 7)]


def test_it_waits_for_a_disk_in_a_thread_of_its_own() -> None:
    """The worker's loop is not held up by the log."""
    assert Bench().blocking
