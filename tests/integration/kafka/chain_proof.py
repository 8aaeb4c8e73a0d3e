"""Whether a run of the chain was exact: what Kafka holds against a pure replay in this process.

Release is replayed over the raw topic: it says what each writer must have sent to each partition, in which order and
with which numbers. Supervise is replayed over the work topic as a read_committed reader sees it: states and alerts must
be the same, one by one. And what must not depend on any order, the counts per case, is reckoned straight from the raw
events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import msgspec
from kafka import KafkaConsumer, TopicPartition

from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import changelog, progress, settings
from streams.runners.faust.progress import stamp_of
from streams.runners.faust.stage import Item, Source, Stage
from streams.runners.faust.state import PartitionState, Value
from tests.integration.kafka.chain_stages import Topics

Sent = dict[tuple[str, int, str], list[tuple[bytes, bytes]]]
"""(topic, partition, writer) → what the writer sent there, in order."""


@dataclass
class Proof:
    """The outcome; `faults` is empty where the run was exact."""

    raw_records: int = 0
    work_records: int = 0
    alerts: int = 0
    states: int = 0
    duplicates: int = 0
    faults: list[str] = field(default_factory=list)

    def hold(self, what: str, found: object, expected: object) -> None:
        """Note where something is not as it must be."""
        if found != expected:
            self.faults.append(what)


def read(address: KafkaAddress, topic: str, partitions: int) -> list[list[Item]]:
    """Read a topic as a read_committed reader sees it, up to its last stable offset."""
    consumer = KafkaConsumer(isolation_level="read_committed", enable_auto_commit=False, **address.options())
    places = [TopicPartition(topic, n) for n in range(partitions)]
    found: list[list[Item]] = [[] for _ in places]
    try:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(timeout_ms=500).items():
                found[place.partition] += [
                    Item(r.offset, r.key or b"", r.value or b"", tuple(r.headers)) for r in records
                ]
    finally:
        consumer.close()
    return found


def prove(address: KafkaAddress, topics: Topics) -> Proof:
    """Hold a finished run against its pure replay."""
    count, proof = topics.partitions, Proof()
    raw, work = read(address, topics.raw, count), read(address, topics.work, count)
    alerts = read(address, topics.alerts, count)
    proof.raw_records, proof.work_records, proof.alerts = (sum(map(len, each)) for each in (raw, work, alerts))
    _prove_stage(proof, address, topics.stage("release"), topics.raw, raw, {topics.work: work})
    _prove_stage(proof, address, topics.stage("supervise"), topics.work, work, {topics.alerts: alerts})
    _prove_counts(proof, raw, alerts)
    return proof


def _prove_stage(
    proof: Proof,
    address: KafkaAddress,
    stage: Stage,
    topic: str,
    inputs: list[list[Item]],
    outputs: dict[str, list[list[Item]]],
) -> None:
    expected: Sent = defaultdict(list)
    stored = read(address, settings.changelog(stage.name, topic), len(inputs))
    for partition, items in enumerate(inputs):
        source, state = Source(topic, partition), PartitionState()
        step = stage.open(source, state)
        for item in items:
            for output in step.deliver([step.take(item)]):
                place = (output.topic, output.partition, settings.writer(stage.name, source))
                expected[place].append((output.record.key, output.record.value))
        states, reached = _restored(stored[partition])
        proof.states += len(states)
        proof.hold(f"{stage.name} states of {source}", states, dict(state.items()))
        proof.hold(f"{stage.name} progress of {source}", reached, items[-1].offset + 1 if items else 0)
    found = _sent(proof, outputs)
    for place in sorted({*expected, *found}):
        proof.hold(f"{stage.name} sent {place}", found.get(place), expected.get(place))


def _sent(proof: Proof, outputs: dict[str, list[list[Item]]]) -> Sent:
    """Gather outputs by writer; their numbers must be 0, 1, 2 … in the order of the log."""
    found: Sent = defaultdict(list)
    for topic, partitions in outputs.items():
        for partition, items in enumerate(partitions):
            numbers: dict[str, list[int]] = defaultdict(list)
            for item in items:
                stamp = stamp_of(item.headers)
                numbers[stamp.writer].append(stamp.sequence)
                found[topic, partition, stamp.writer].append((item.key, item.value))
            for writer, seen in numbers.items():
                proof.duplicates += len(seen) - len(set(seen))
                proof.hold(f"numbers of {writer} on {topic}/{partition}", seen, list(range(len(seen))))
    return found


def _restored(items: list[Item]) -> tuple[dict[bytes, Value], int]:
    found = changelog.Restored()
    found.take((item.key, item.value or None) for item in items)
    assert found.progress.v == progress.VERSION
    return dict(found.state.items()), found.progress.next


def _prove_counts(proof: Proof, raw: list[list[Item]], alerts: list[list[Item]]) -> None:
    cases: Counter[int] = Counter()
    for items in raw:
        fresh = {event: case for item in items for event, case in msgspec.msgpack.decode(item.value)}
        cases.update(fresh.values())
    wanted = Counter(f"{case}/{n}" for case, count in cases.items() for n in range(3, count + 1, 3))
    found = Counter(item.key.decode() for items in alerts for item in items)
    proof.hold("alerts by id", found, wanted)
