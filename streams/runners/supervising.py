"""The supervise step of a runner: work items in; alerts, states and position out, in one transaction.

Each new state of an alert stands in the audit log, durable, before the transaction that tells it is committed. A step
that is killed in between is taken again and writes the same once more, under the same `idem`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from security.audit.port import Log
from security.audit.record import Entry
from security.labels import SENSITIVE, Label
from security.sealing import Sealer
from streams import alerts, work
from streams.alerts import AlertRecord, Detail
from streams.bus.port import Bus, Record, Transaction
from streams.projections import marks as marks_topic
from streams.runners.states import BusKeyStates
from streams.supervision.engine import Change, Engine
from streams.supervision.fact import Fact
from streams.supervision.finding import Step
from streams.supervision.marks import Marks

GROUP = "supervise"
MODEL = "model"
"""The role of a model in audit records."""
MARKS = "supervise.marks"
MARKS_KEY = b"marks"
ITEMS = 64
"""Work items of one step."""
ALERT_LABEL = Label(SENSITIVE)
PARTITION = 0
SILENT_AFTER = 2 * 86_400_000_000
"""A source whose mark lies this far behind the clock is shown as silent (a parameter of ours)."""

_encode_marks = msgspec.msgpack.Encoder().encode
_decode_marks = msgspec.msgpack.Decoder(tuple[int, dict[str, int]]).decode


@dataclass
class Supervising:
    """Runs the engine over the work topic; one thread drives it."""

    bus: Bus
    sealer: Sealer
    engine: Engine
    epoch: Callable[[], int]
    audit: Log
    published: dict[str, int] = field(default_factory=dict)

    def step(self) -> int:
        """Take up to `ITEMS` work items; return how many there were."""
        position = self.bus.position(GROUP, work.TOPIC, PARTITION)
        stored = self.bus.read(work.TOPIC, PARTITION, position, ITEMS)
        if not stored:
            return 0
        items = [work.decode(self.sealer.open(s.value, work.work_ad(s.key))) for s in stored]
        # Folding takes long and meets nobody: key states, marks and alerts are changed here alone.
        with self.bus.transaction(owned=True) as change:
            acts = [act for item in gathered(items) for act in self._take(change, item)]
            if acts:
                self.audit.append(acts)
            change.advance(GROUP, work.TOPIC, PARTITION, stored[-1].offset + 1)
        return len(stored)

    def marks(self) -> Marks:
        """Return the marks that the engine has seen."""
        return self._marks(self.bus.get(MARKS, MARKS_KEY))

    def _take(self, change: Transaction, item: work.WorkItem) -> list[Entry]:
        """Fold an item and put what it changes into the transaction; return what the audit log is to say of it."""
        store = BusKeyStates(change, self.sealer)
        marks = self._marks(change.get(MARKS, MARKS_KEY))
        facts: Sequence[Fact] = ()
        if isinstance(item, work.MarkBatch):
            marks = advanced(marks, item)
            change.put(MARKS, MARKS_KEY, _encode_marks((marks.clock, dict(marks.sources))))
            told = marks_topic.MarksRecord(1, marks.clock, dict(marks.sources), self._silent(marks))
            change.append(marks_topic.TOPIC, PARTITION, [Record(MARKS_KEY, marks_topic.encode(told))])
        else:
            facts = item.facts
        changes = self.engine.apply(store, facts, marks)
        change.append(
            alerts.TOPIC, PARTITION, [alert_record(self.sealer, each, marks.clock, self.epoch()) for each in changes]
        )
        for each in changes:
            state = each.finding.state
            self.published[state] = self.published.get(state, 0) + 1
        return [alert_act(each, marks.clock, self.epoch()) for each in changes]

    def _marks(self, stored: bytes | None) -> Marks:
        clock, sources = _decode_marks(stored) if stored else (0, {})
        return Marks(clock, sources, self.engine.directory)

    def _silent(self, marks: Marks) -> tuple[str, ...]:
        return tuple(s for s in self.engine.directory.sources if marks.clock - marks.of(s) > SILENT_AFTER)


def alert_act(change: Change, mark: int, epoch: int) -> Entry:
    """Make the audit record of a new state: which alert, by which model, and no word of whom or what it is about."""
    finding = change.finding
    return Entry(
        act="alert",
        actor=change.model,
        role=MODEL,
        obj=finding.id,
        ctl=epoch,
        idem=f"{finding.id}/{finding.state}/{mark}",
        pol=change.digest,
        why=finding.reason,
        data={"state": finding.state, "model": change.model, "version": change.version, "mark": mark},
    )


def alert_record(sealer: Sealer, change: Change, mark: int, epoch: int) -> Record:
    """Make the bus record of a change: a level 2 shell, and everything else sealed."""
    finding = change.finding
    detail = Detail(
        subject=finding.subject,
        key=finding.key,
        evidence=tuple(event.hex() for event in finding.evidence),
        steps=tuple(plain(step) for step in finding.steps),
        basis=tuple(dict(article) for article in finding.basis),
        explain=dict(finding.explain),
    )
    sealed = sealer.seal(sealer.name("alerts", ALERT_LABEL), alerts.alert_ad(finding.id), alerts.encode_detail(detail))
    record = AlertRecord(
        v=alerts.VERSION,
        id=finding.id,
        model=change.model,
        code=change.code,
        version=change.version,
        digest=change.digest,
        state=finding.state,
        severity=finding.severity,
        district=finding.district,
        unit=finding.unit,
        opened_at=finding.opened_at,
        due_at=finding.due_at,
        closed_at=finding.closed_at,
        reported_at=finding.reported_at,
        epoch=epoch,
        mark=mark,
        detail=sealed,
        reason=finding.reason,
    )
    return Record(bytes.fromhex(finding.id), alerts.encode(record))


def gathered(items: Sequence[work.WorkItem]) -> list[work.WorkItem]:
    """Join neighbouring fact batches: one fold a key serves them all; marks keep their place between facts."""
    joined: list[work.WorkItem] = []
    for item in items:
        last = joined[-1] if joined else None
        if isinstance(item, work.FactBatch) and isinstance(last, work.FactBatch):
            joined[-1] = work.FactBatch(last.facts + item.facts)
        else:
            joined.append(item)
    return joined


def advanced(marks: Marks, item: work.MarkBatch) -> Marks:
    """Move the marks forward; none ever goes back."""
    sources = dict(marks.sources)
    for source, mark in item.sources.items():
        sources[source] = max(sources.get(source, 0), mark)
    return Marks(max(marks.clock, item.clock), sources, marks.directory)


def plain(step: Step) -> dict[str, Any]:
    """Make a step of the arithmetic plain JSON."""
    return {"code": step.code, "zh": step.zh, "en": step.en, "fields": dict(step.fields)}
