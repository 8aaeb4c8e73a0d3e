"""The stages of the Kafka runner over a log in memory: gates, stamps, states and restarts as on Kafka, no broker.

Records wait in their partitions and are taken in an order that a seed decides, so that partitions overtake each other
as they do between workers. A step may be thrown away at any record and opened again from what it made durable, before
it takes the record or when the audit log already has what the record leads to.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.clock import ManualClock
from security.batch import OpenedBatch, unpack
from services.gateway.publication import partition_of
from services.node.layout import DataDirectory
from services.node.node import open_node
from services.node.site import Site
from services.worker.assembly import Parts, WorkerKnowledge
from streams import alerts, work
from streams.bus.port import Record, Stored
from streams.control_history import ControlHistory
from streams.runners.faust import settings
from streams.runners.faust.gate import Gate, Verdict
from streams.runners.faust.marks import raw_marks
from streams.runners.faust.progress import Progress, Stamp, stamp_of
from streams.runners.faust.release_stage import ReleaseStage
from streams.runners.faust.stage import Back, Gathering, Item, Source, Stage
from streams.runners.faust.state import PartitionState, Value, packed
from streams.runners.faust.supervise_stage import SuperviseStage
from streams.runners.faust.topology import Topology
from streams.runners.releasing import RAW
from tests.contract.runner import Outcome, outcome_of

PARTITIONS = 2
RESTART = 0.02
"""How often a step is opened anew: the share of records before which it happens."""
GATHERED = 7
"""Records applied together, at most, where a stage gathers."""
Placing = Callable[[Stored, OpenedBatch], int]
"""Answers the raw partition of a record."""


def by_key(record: Stored, batch: OpenedBatch) -> int:
    """Spread by key, a digest of source and first event: a source's events overtake each other, more than they may."""
    del batch
    return record.key[0] % PARTITIONS


def by_source(record: Stored, batch: OpenedBatch) -> int:
    """Keep a source to one partition, as the door does."""
    del record
    return partition_of(next(iter(batch.headers)).source, PARTITIONS)


@dataclass
class Opened:
    """One input partition of a stage: what is durable of it, and the step and gate that work on it."""

    stage: Stage
    source: Source
    durable: dict[bytes, Value] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin from what is durable, as whoever takes the partition over."""
        self.state = PartitionState(self.durable)
        self.gate = Gate(self.progress, chained=self.stage.chained)
        self.step: Any = self.stage.open(self.source, self.state)

    def waiting(self, log: list[Item]) -> Item | None:
        """Return the next record of the log, None at its end."""
        return log[self.gate.next] if self.gate.next < len(log) else None


class StagesRunner:
    """A node on an embedded bus, and both stages over what its door took."""

    def __init__(
        self,
        data: Path,
        site: Site,
        start: int,
        seed: int,
        *,
        placing: Placing = by_key,
        restart: float = RESTART,
    ) -> None:
        self.node = open_node(data, site, clock=ManualClock(start))
        self._chance = random.Random(seed)  # noqa: S311 - an order that repeats
        self._placing, self._restart = placing, restart
        self._logs: dict[Source, list[Item]] = defaultdict(list)
        self._taken: dict[str, int] = {}
        self._data = data
        raw = sorted({RAW + source.agency for source in self.node.sources.all()})
        topics = [*raw, work.TOPIC, alerts.TOPIC, *(receiver.topic for receiver in self.node.receivers)]
        topology = Topology(
            dict.fromkeys([*topics, "casebus.dlq", "casebus.marks", "casebus.view.panorama"], PARTITIONS)
        )
        node = self.node
        control = ControlHistory(node.bus, node.control._signer.public_key)
        parts = Parts(
            DataDirectory(data), "r", node.keystore, node.sealer, node.contracts, control, topology, node.clock
        )
        knowledge = WorkerKnowledge(parts)
        release = ReleaseStage(
            tuple(raw), node.audit, node.sealer, node.contracts, knowledge, node.name.node, topology.partitions
        )
        supervise = SuperviseStage(
            node.audit, node.sealer, knowledge, topology.partitions, topology.writers("release", raw)
        )
        self._raw = [Source(topic, n) for topic in raw for n in range(PARTITIONS)]
        self._open = [Opened(release, source) for source in self._raw]
        self._open += [Opened(supervise, Source(work.TOPIC, n)) for n in range(PARTITIONS)]

    def settle(self) -> None:
        """Move what the door took into raw partitions, marks behind it, and work until nothing waits."""
        self._carry()
        clock, declared = self.node.clock.now_us(), self.node.door.marks()
        for source in self._raw:
            agency = source.topic.removeprefix(RAW)
            mine = {
                s.id: declared[s.id].complete_to
                for s in self.node.sources.all()
                if s.agency == agency and s.id in declared
            }
            epoch = self.node.control.epoch
            self._put(source, raw_marks(self.node.sealer, source.topic, source.partition, clock, mine, epoch))
        while ready := [each for each in self._open if each.waiting(self._logs[each.source])]:
            self._step(self._chance.choice(ready))

    def records(self, topic: str) -> list[Record]:
        """Return what stands on a topic, one partition after the other."""
        logs = [self._logs[source] for source in sorted(self._logs) if source.topic == topic]
        return [Record(item.key, item.value, item.headers) for log in logs for item in log]

    def outcome(self) -> Outcome:
        """Close the node and say what stands."""
        self.node.close()
        found = [item for source in sorted(self._logs) if source.topic == alerts.TOPIC for item in self._logs[source]]
        return outcome_of((alerts.decode(item.value) for item in found), [self._data / "audit"])

    def _carry(self) -> None:
        bus = self.node.bus
        for topic in bus.topics(RAW):
            while stored := bus.read(topic, 0, self._taken.get(topic, 0), 64):
                for record in stored:
                    source = Source(topic, self._placing(record, unpack(record.value, self.node.sealer)))
                    self._put(source, record)
                self._taken[topic] = stored[-1].offset + 1

    def _put(self, source: Source, record: Any, stamp: Stamp | None = None) -> None:
        log, headers = self._logs[source], record.headers + (stamp.headers() if stamp else ())
        log.append(Item(len(log), record.key, record.value, headers))

    def _applied(self, opened: Opened) -> list[Any]:
        """Apply the next record; of a stage that gathers, as many as chance gives it."""
        if isinstance(opened.step, Gathering):
            passed = [self._passed(opened) for _ in range(self._chance.randint(1, GATHERED)) if self._waits(opened)]
            return list(opened.step.gather(passed))
        taken = opened.step.take(self._passed(opened))
        if isinstance(taken, Back):
            opened.gate.back(taken.offset)
            taken = taken.taken
        return [taken]

    def _waits(self, opened: Opened) -> bool:
        return opened.waiting(self._logs[opened.source]) is not None

    def _passed(self, opened: Opened) -> Item:
        item = opened.waiting(self._logs[opened.source])
        assert item is not None
        stamp = stamp_of(item.headers) if opened.stage.chained else None
        assert opened.gate.judge(item.offset, item.offset, stamp) is Verdict.APPLY
        return item

    def _step(self, opened: Opened) -> None:
        """Take a record or several, and make what came of it durable: state, progress and outputs together."""
        if self._chance.random() < self._restart:
            opened.open()
        progress, outputs = opened.progress, opened.step.deliver(self._applied(opened))
        if self._chance.random() < self._restart:
            opened.open()  # killed between its audit log and its transaction
            return
        for output in outputs:
            target = Source(output.topic, output.partition)
            number = progress.sent.get(str(target), 0)
            progress.sent[str(target)] = number + 1
            self._put(target, output.record, Stamp(settings.writer(opened.stage.name, opened.source), number))
        for key, value in opened.state.drain().items():
            if value is None:
                opened.durable.pop(key, None)
            else:
                opened.durable[key] = packed(value) or b""
        progress.next, progress.received = opened.gate.next, dict(opened.gate.received)
