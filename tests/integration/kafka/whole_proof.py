"""The whole chain on Kafka held against itself: what a read_committed reader sees, the audit logs, a pure replay.

For a stopped installation. Every record of a view topic, of the panorama and of work must name a release record of the
log of the worker that made it, for that subscription, which lists its events (delivered ⊆ audited). Every event on raw
takes effect once in each: in work once in every partition where one of its keys lives, and in no other. The alerts are
those of a pure fold over the events, no change of an alert stands twice, and each is an act in the log of a worker.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from schemas.catalogue import Contracts
from schemas.clock import SystemClock
from security.audit.reading import read as read_log
from security.audit.record import Entry
from security.batch import unpack
from security.keys.file import FileKeystore
from security.sealing import Sealer
from services.node.assembly import engine_of
from services.node.ground import CONTROL_KEY
from services.node.layout import DataDirectory
from services.worker.assembly import WORKERS
from streams import alerts, panorama, work
from streams.bus.kafka_reader import KafkaReader
from streams.control_history import ControlHistory
from streams.legal_clock.zone import to_day
from streams.runners.backtest import backtest
from streams.runners.faust import placing
from streams.runners.faust.marks import is_marks
from streams.runners.faust.stage import Item
from streams.runners.releasing import MANIFEST, RAW
from streams.supervision.engine import Engine
from streams.supervision.fact import Fact
from streams.supervision.library import load_all
from tests.integration.delivery_proof import VAULTED, shell, step_of, steps
from tests.integration.kafka.chain_proof import read
from tests.integration.kafka.installation import Installation

ENGINE = "supervision"
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Whole:
    """What was found. `raw` counts how often an event stands there, `idle` raw partitions that hold marks alone."""

    raw: Counter[bytes] = field(default_factory=Counter)
    vaulted: set[bytes] = field(default_factory=set)
    idle: int = 0
    delivered: dict[str, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter))
    standing: dict[str, str] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """How many events more than once on raw: a gateway that died between raw and its answer was asked again."""
        return sum(self.raw.values()) - len(self.raw)

    @property
    def deliveries(self) -> int:
        """How many deliveries there were."""
        return sum(each.total() for each in self.delivered.values())


def prove(office: Installation) -> Whole:
    """Read everything and compare; the expected alerts are the caller's matter (`expected`)."""
    return _Reading(office).run()


def fact_of(said: Mapping[str, object]) -> Fact:
    """Make the fact of an event as it was sent, with all its data."""
    happened = (datetime.fromisoformat(str(said["time"])) - EPOCH) // MICROSECOND
    return Fact(
        uuid.UUID(str(said["id"])).bytes,
        str(said["type"]),
        str(said["source"]),
        str(said["sequence"]),
        happened,
        SystemClock().now_us(),
        str(said["district"]),
        str(said["subject"]),
        dict(said["data"]),  # type: ignore[call-overload]  # an object of JSON
    )


def expected(office: Installation, said: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Fold the events that were acknowledged, as a back-test does; return alert id → final state, as of today."""
    models = load_all(office.site.models)
    report = backtest(models, map(fact_of, said), to_day(datetime.now(UTC).date()))
    return {alert: state for tally in report.models.values() for alert, state in tally.ids.items()}


class _Reading:
    def __init__(self, office: Installation) -> None:
        self._office = office
        self._whole = Whole()
        directory = DataDirectory(office.data)
        keystore = FileKeystore(directory.keys / "keystore.json")
        self._sealer = Sealer(keystore, SystemClock())
        self._logs: dict[str, list[Entry]] = {
            folder.name: [stored.record for stored in read_log(folder / "audit")]
            for folder in sorted((office.data / WORKERS).iterdir())
            if (folder / "audit").is_dir()
        }
        self._stood: dict[str, Counter[tuple[int, bytes]]] = defaultdict(Counter)
        self._facts: dict[bytes, Fact] = {}

    def run(self) -> Whole:
        with closing(KafkaReader(self._office.address, "proof")) as reader:
            topics = {topic: reader.partitions(topic) for topic in reader.topics("casebus.")}
        for topic, count in topics.items():
            if topic.startswith(RAW):
                self._raw(topic, count)
        for topic, count in topics.items():
            if topic.startswith("casebus.view.") or topic == work.TOPIC:
                for partition, items in enumerate(read(self._office.address, topic, count)):
                    for item in items:
                        self._delivered(topic, partition, item)
        self._once()
        self._alerts(topics[alerts.TOPIC])
        return self._whole

    def _raw(self, topic: str, count: int) -> None:
        for items in read(self._office.address, topic, count):
            batches = [item for item in items if not is_marks(item.headers)]
            self._whole.idle += bool(items) and not batches
            for item in batches:
                for event in unpack(item.value, self._sealer).events:
                    self._whole.raw[event.header.id] += 1
                    if event.header.type in VAULTED:
                        self._whole.vaulted.add(event.header.id)

    def _delivered(self, topic: str, partition: int, item: Item) -> None:
        events = self._events(topic, item)
        if not events:
            return
        where = f"{topic}/{partition}/{item.offset}"
        worker, _, number = dict(item.headers).get(MANIFEST, b"").decode().rpartition("/")
        log = self._logs.get(worker, [])
        if not number.isdecimal() or int(number) >= len(log):
            self._whole.breaches.append(f"{where}: names no record of a log ({worker}/{number})")
            return
        subscription, listed = manifest(log, int(number))
        if topic != self._topic(subscription):
            self._whole.breaches.append(f"{where}: the manifest is for {subscription or 'nothing'}")
        missing = [event.hex() for event in events if event.hex() not in listed]
        if missing:
            self._whole.breaches.append(f"{where}: not in the manifest: {missing}")
        self._stood[topic].update((partition, event) for event in events)

    def _topic(self, subscription: str) -> str:
        return work.TOPIC if subscription == ENGINE else f"casebus.view.{subscription}"

    def _events(self, topic: str, item: Item) -> list[bytes]:
        if topic == panorama.TOPIC:
            return [panorama.decode(item.value).event_id]
        if topic != work.TOPIC:
            return [uuid.UUID(dict(item.headers)["ce_id"].decode()).bytes]
        opened = work.decode(self._sealer.open(item.value, work.work_ad(item.key)))
        if isinstance(opened, work.MarkBatch):
            return []
        self._facts.update({fact.id: fact for fact in opened.facts})
        return [fact.id for fact in opened.facts]

    def _once(self) -> None:
        """Whatever stands in a topic stands there once; work is reckoned by the partitions of its keys."""
        engine, count = self._engine()
        for topic, stood in self._stood.items():
            self._whole.breaches += [f"{topic}: {e.hex()} delivered {n} times" for (_, e), n in stood.items() if n > 1]
            found: dict[bytes, set[int]] = defaultdict(set)
            for partition, event in stood:
                found[event].add(partition)
            for event, partitions in found.items():
                wanted = set(placing.by_partition(engine, [self._facts[event]], count)) if topic == work.TOPIC else None
                if wanted is not None and partitions != wanted:
                    self._whole.breaches.append(f"work of {event.hex()} in {sorted(partitions)}, not {sorted(wanted)}")
                if wanted is None and len(partitions) > 1:
                    self._whole.breaches.append(f"{topic}: {event.hex()} in {len(partitions)} partitions")
                self._whole.delivered[topic][event] += 1
                if event not in self._whole.raw:
                    self._whole.breaches.append(f"{topic}: {event.hex()} is not on raw")

    def _engine(self) -> tuple[Engine, int]:
        """Return the engine by the newest control records, and how many partitions work has."""
        keystore = FileKeystore(DataDirectory(self._office.data).keys / "keystore.json")
        with closing(KafkaReader(self._office.address, "proof")) as reader:
            control = ControlHistory(reader, keystore.signer(CONTROL_KEY).public_key)
            engine = engine_of(control.at(control.newest()), self._sealer, Contracts.load())
            return engine, reader.partitions(work.TOPIC)

    def _alerts(self, count: int) -> None:
        """Keep how each alert stands; a change that says what the one before said was published twice."""
        last: dict[str, tuple[object, ...]] = {}
        acts = {step for log in self._logs.values() for step in steps(log)}
        for items in read(self._office.address, alerts.TOPIC, count):
            for item in items:
                alert = alerts.decode(item.value)
                if last.get(alert.id) == shell(alert):
                    self._whole.breaches.append(f"alert {alert.id}: {alert.state} published twice")
                if step_of(alert) not in acts:
                    self._whole.breaches.append(f"alert {alert.id}: {alert.state} is on no record")
                last[alert.id] = shell(alert)
                self._whole.standing[alert.id] = alert.state


def manifest(log: list[Entry], number: int) -> tuple[str, set[str]]:
    """Return the subscription and the events of a manifest, all its parts together; nothing where it is none."""
    first = log[number]
    if first.act != "release" or first.data.get("part", 1) != 1:
        return "", set()
    parts = log[number : number + int(str(first.data.get("parts", 1)))]
    return first.obj, {event for part in parts for event in part.data["events"]}
