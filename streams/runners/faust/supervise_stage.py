"""Supervise as a stage: work items in; alerts and the states of the keys that live in the partition out.

The first item of a newer fold empties the partition's states and marks: every release partition sends its history again
at that epoch. Items of a fold before, from release partitions that have not come so far, are left out; their facts come
again. Marks begin anew too, so nothing is missed for a limit before all history is back.

As in the embedded runner each new state of an alert stands in the audit log, durable, before the transaction that tells
it begins. A step that is killed in between is taken again: a state that it reaches again stands twice under one `idem`,
and one that other company on the way makes it pass over stands on record though it was never told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from schemas.errors import CasebusError, IntegrityError
from security.audit.port import Log
from security.audit.record import Entry
from security.sealing import Sealer
from streams import alerts, work
from streams.bus.port import Record
from streams.projections import marks as marks_topic
from streams.released import Place
from streams.runners.faust import placing
from streams.runners.faust.key_states import KEY, PartitionKeyStates
from streams.runners.faust.knowledge import Knowledge
from streams.runners.faust.marks import WriterMarks
from streams.runners.faust.placing import Partitions
from streams.runners.faust.progress import stamp_of
from streams.runners.faust.stage import Item, Output, Source
from streams.runners.faust.state import PartitionState
from streams.runners.releasing import DEAD_LETTERS, DeadLetter, quarantine, whole
from streams.runners.supervising import SILENT_AFTER, alert_act, alert_record
from streams.supervision.engine import Change
from streams.supervision.fact import Fact
from streams.supervision.marks import Marks

NAME = "supervise"
MARKS = b"m"
STAND = b"e"

_encode = msgspec.msgpack.Encoder().encode


class ModelsChangedError(IntegrityError):
    """The states of a partition were folded by models that the same control records do not give here."""

    code = "worker.models_changed"


class Stand(msgspec.Struct, array_like=True, frozen=True):
    """The control epoch a partition works by, the fold of its states, and the models' fingerprint."""

    epoch: int = 0
    fold: int = 0
    fingerprint: str = ""


_decode = msgspec.msgpack.Decoder(Stand).decode


@dataclass(frozen=True)
class Judged:
    """What came of work items: changes with the mark they were reached at, marks to tell, or a dead letter."""

    epoch: int
    mark: int
    changes: Sequence[Change] = ()
    marks: marks_topic.MarksRecord | None = None
    letter: DeadLetter | None = None


@dataclass(frozen=True)
class SuperviseStage:
    """The stage of the work topic; `writers` names all writers of work by raw topic, `audit` keeps what it finds."""

    audit: Log
    sealer: Sealer
    knowledge: Knowledge
    partitions: Partitions
    writers: Mapping[str, tuple[str, ...]]
    topics: tuple[str, ...] = (work.TOPIC,)
    name: str = NAME
    chained: bool = True
    blocking: bool = True

    def open(self, source: Source, state: PartitionState) -> SuperviseStep:
        """Begin on a work partition; raises `ModelsChangedError` where its states cannot be gone on with."""
        return SuperviseStep(self, source, state)


class SuperviseStep:
    """Supervision of the keys that live in one work partition."""

    def __init__(self, stage: SuperviseStage, source: Source, state: PartitionState) -> None:
        self._stage = stage
        self._source = source
        self._state = state
        stored = state.read(STAND)
        self._stand = _decode(stored) if stored else Stand()
        self._engine = stage.knowledge.at(self._stand.epoch or stage.knowledge.newest()).engine
        if self._stand.fingerprint not in {"", self._engine.fingerprint}:
            raise ModelsChangedError
        self._keys = PartitionKeyStates(state, stage.sealer)
        self._told = WriterMarks(stage.writers)
        told = state.read(MARKS)
        if told is not None:
            self._told.decode(told)
        self._marks = self._reached()
        count = stage.partitions(source.topic)
        self._owns: Callable[[bytes], bool] = lambda address: placing.of_address(address, count) == source.partition

    def take(self, item: Item) -> Judged:
        """Fold one work item into the states of its keys."""
        judged = self.gather([item])
        return judged[-1] if judged else self._judged()

    def gather(self, items: Sequence[Item]) -> list[Judged]:
        """Fold work items: a key is folded once for all the facts that no change of marks or models lies between."""
        judged: list[Judged] = []
        facts: list[Fact] = []
        for item in items:
            opened = self._opened(item)
            if isinstance(opened, DeadLetter):
                judged.append(self._judged(letter=opened))
                continue
            if opened.epoch > self._stand.epoch:
                self._fold(facts, judged)
            if not self._follows(opened.epoch):
                continue
            if isinstance(opened, work.FactBatch):
                facts += opened.facts
                continue
            self._told.tell(stamp_of(item.headers).writer, opened)
            self._state.put(MARKS, self._told.encode())
            reached = self._reached()
            if reached != self._marks:
                self._fold(facts, judged)
                judged.append(self._move(reached))
        self._fold(facts, judged)
        return judged

    def _opened(self, item: Item) -> work.WorkItem | DeadLetter:
        try:
            return work.decode(self._stage.sealer.open(item.value, work.work_ad(item.key)))
        except (CasebusError, msgspec.DecodeError) as error:
            code = error.code if isinstance(error, CasebusError) else "worker.unreadable"
            return whole(Place(self._source.topic, self._source.partition, item.offset), code)

    def _fold(self, facts: list[Fact], judged: list[Judged]) -> None:
        """Fold the facts that wait, and have none wait."""
        if facts:
            judged.append(self._judged(self._apply(facts)))
            facts.clear()

    def _move(self, reached: Marks) -> Judged:
        """Come to new marks: judge what is due by them, and tell them."""
        self._marks = reached
        silent = tuple(s for s in self._engine.directory.sources if reached.clock - reached.of(s) > SILENT_AFTER)
        told = marks_topic.MarksRecord(1, reached.clock, dict(reached.sources), silent)
        return self._judged(self._apply(()), told)

    def _follows(self, epoch: int) -> bool:
        """Come to the epoch of an item; tell whether the item belongs to the present fold."""
        stand, knowledge = self._stand, self._stage.knowledge
        if epoch <= stand.epoch:
            return not epoch or knowledge.fold(epoch) >= stand.fold
        known = knowledge.at(epoch)
        self._engine = known.engine
        if known.fold > stand.fold:
            self._begin_anew()
        self._stand = Stand(epoch, known.fold, known.engine.fingerprint)
        self._state.put(STAND, _encode(self._stand))
        self._marks = self._reached()
        return True

    def _begin_anew(self) -> None:
        """Forget the states and the marks that other models led to."""
        self._state.clear(KEY)
        self._state.put(MARKS, None)
        self._keys = PartitionKeyStates(self._state, self._stage.sealer)
        self._told = WriterMarks(self._stage.writers)

    def _judged(
        self,
        changes: Sequence[Change] = (),
        marks: marks_topic.MarksRecord | None = None,
        letter: DeadLetter | None = None,
    ) -> Judged:
        return Judged(self._stand.epoch, self._marks.clock, changes, marks, letter)

    def deliver(self, taken: Sequence[Judged]) -> list[Output]:
        """Have the acts durable in the audit log, then seal the alerts and name where everything goes."""
        stage, outputs = self._stage, list[Output]()
        acts = [act for judged in taken for act in _acts(judged)]
        if acts:
            stage.audit.append(acts)
        for judged in taken:
            for change in judged.changes:
                record = alert_record(stage.sealer, change, judged.mark, judged.epoch)
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
        return self._engine.apply(self._keys, facts, self._marks, self._owns)

    def _reached(self) -> Marks:
        return Marks(self._told.clock, self._told.sources, self._engine.directory)


def _acts(judged: Judged) -> list[Entry]:
    """Make the audit records of what came of work items: each new state, and what was set aside."""
    acts = [alert_act(change, judged.mark, judged.epoch) for change in judged.changes]
    return acts if judged.letter is None else [*acts, quarantine(judged.letter, judged.epoch)]
