"""Supervise as a stage: work items in; alerts and the states of the keys that live in the partition out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from schemas.errors import CasebusError, IntegrityError
from security.sealing import Sealer
from streams import alerts, work
from streams.bus.port import Record
from streams.projections import marks as marks_topic
from streams.release import Place
from streams.runners.faust import placing
from streams.runners.faust.key_states import PartitionKeyStates
from streams.runners.faust.marks import WriterMarks
from streams.runners.faust.placing import Partitions
from streams.runners.faust.progress import stamp_of
from streams.runners.faust.stage import Item, Output, Source
from streams.runners.faust.state import PartitionState
from streams.runners.releasing import DEAD_LETTERS, DeadLetter, whole
from streams.runners.supervising import SILENT_AFTER, alert_record
from streams.supervision.engine import Change, Engine
from streams.supervision.fact import Fact
from streams.supervision.marks import Marks

NAME = "supervise"
MARKS = b"m"
FINGERPRINT = b"f"


class ModelsChangedError(IntegrityError):
    """The states of a partition were folded by other models."""

    code = "worker.models_changed"


@dataclass(frozen=True)
class Judged:
    """What came of one work item: changes with the mark they were reached at, marks to tell, or a dead letter."""

    mark: int
    changes: Sequence[Change] = ()
    marks: marks_topic.MarksRecord | None = None
    letter: DeadLetter | None = None


@dataclass(frozen=True)
class SuperviseStage:
    """The stage of the work topic; `writers` names all writers of work by raw topic."""

    sealer: Sealer
    engine: Engine
    epoch: Callable[[], int]
    partitions: Partitions
    writers: Mapping[str, tuple[str, ...]]
    topics: tuple[str, ...] = (work.TOPIC,)
    name: str = NAME
    chained: bool = True
    blocking: bool = False

    def open(self, source: Source, state: PartitionState) -> SuperviseStep:
        """Begin on a work partition; raises `ModelsChangedError` where other models folded its states."""
        fingerprint = self.engine.fingerprint.encode()
        folded_by = state.read(FINGERPRINT)
        if folded_by is None:
            state.put(FINGERPRINT, fingerprint)
        elif folded_by != fingerprint:
            raise ModelsChangedError
        return SuperviseStep(self, source, state)


class SuperviseStep:
    """Supervision of the keys that live in one work partition."""

    def __init__(self, stage: SuperviseStage, source: Source, state: PartitionState) -> None:
        self._stage = stage
        self._source = source
        self._state = state
        self._keys = PartitionKeyStates(state, stage.sealer)
        self._told = WriterMarks(stage.writers)
        stored = state.read(MARKS)
        if stored is not None:
            self._told.decode(stored)
        self._marks = self._reached()
        count = stage.partitions(source.topic)
        self._owns: Callable[[bytes], bool] = lambda address: placing.of_address(address, count) == source.partition

    def take(self, item: Item) -> Judged:
        """Fold one work item into the states of its keys."""
        try:
            opened = work.decode(self._stage.sealer.open(item.value, work.work_ad(item.key)))
        except (CasebusError, msgspec.DecodeError) as error:
            code = error.code if isinstance(error, CasebusError) else "worker.unreadable"
            place = Place(self._source.topic, self._source.partition, item.offset)
            return Judged(self._marks.clock, letter=whole(place, code))
        if isinstance(opened, work.FactBatch):
            return Judged(self._marks.clock, self._apply(opened.facts))
        self._told.tell(stamp_of(item.headers).writer, opened)
        self._state.put(MARKS, self._told.encode())
        reached = self._reached()
        if reached == self._marks:
            return Judged(reached.clock)
        self._marks = reached
        silent = tuple(s for s in self._stage.engine.directory.sources if reached.clock - reached.of(s) > SILENT_AFTER)
        told = marks_topic.MarksRecord(1, reached.clock, dict(reached.sources), silent)
        return Judged(reached.clock, self._apply(()), told)

    def deliver(self, taken: Sequence[Judged]) -> list[Output]:
        """Seal the alerts and name where everything goes."""
        stage, outputs, epoch = self._stage, list[Output](), self._stage.epoch()
        for judged in taken:
            for change in judged.changes:
                record = alert_record(stage.sealer, change, judged.mark, epoch)
                partition = placing.of_key(record.key, stage.partitions(alerts.TOPIC))
                outputs.append(Output(alerts.TOPIC, partition, record))
            if judged.marks is not None:
                outputs.append(self._told_marks(judged.marks))
            if judged.letter is not None:
                partition = self._source.partition % stage.partitions(DEAD_LETTERS)
                record = Record(b"", msgspec.msgpack.encode(judged.letter))
                outputs.append(Output(DEAD_LETTERS, partition, record))
        return outputs

    def _told_marks(self, marks: marks_topic.MarksRecord) -> Output:
        key = b"marks/%d" % self._source.partition
        partition = self._source.partition % self._stage.partitions(marks_topic.TOPIC)
        return Output(marks_topic.TOPIC, partition, Record(key, marks_topic.encode(marks)))

    def _apply(self, facts: Sequence[Fact]) -> list[Change]:
        return self._stage.engine.apply(self._keys, facts, self._marks, self._owns)

    def _reached(self) -> Marks:
        return Marks(self._told.clock, self._told.sources, self._stage.engine.directory)
