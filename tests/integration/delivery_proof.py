"""Delivered ⊆ audited, checked record by record over a stopped node's directory; and nothing delivered twice.

Every record of a view topic, of the panorama and of the work topic must name a release record of this node's audit log,
made for that subscription and topic, that lists the event. A work record holds a batch: each of its facts is checked.
Every state that an alert was told in must stand there as an act of its model.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from schemas.catalogue import Contracts
from schemas.clock import SystemClock
from security.audit.reading import read
from security.audit.record import Entry
from security.batch import unpack
from security.keys.file import FileKeystore
from security.sealing import Sealer
from services.node.layout import DataDirectory
from streams import alerts, panorama, work
from streams.alerts import AlertRecord
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Stored
from streams.runners.releasing import MANIFEST, RAW
from streams.runners.supervising import MODEL

VIEWS = "casebus.view."
PAGE = 512
Step = tuple[str, str, str, int]
"""A new state of an alert: alert, model, state, mark."""
VAULTED = frozenset(contract.type for contract in Contracts.load().all() if contract.vault)


@dataclass
class Proof:
    """What was found: deliveries by subscription, and every breach in words."""

    delivered: dict[str, Counter[bytes]] = field(default_factory=dict)
    accepted: Counter[bytes] = field(default_factory=Counter)
    vaulted: set[bytes] = field(default_factory=set)
    changes: list[tuple[str, str]] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)

    @property
    def shown(self) -> set[bytes]:
        """What the panorama must hold: all that was accepted but events of the vault, which no view has."""
        return set(self.accepted) - self.vaulted

    @property
    def deliveries(self) -> int:
        """How many deliveries there were."""
        return sum(each.total() for each in self.delivered.values())


def prove(data: Path) -> Proof:
    """Read everything and compare."""
    return _Reading(data).run()


def step_of(alert: AlertRecord) -> Step:
    """Return the step that an alert was told in."""
    return alert.id, alert.model, alert.state, alert.mark


def steps(entries: Iterable[Entry]) -> list[Step]:
    """Return the steps of alerts that stand in an audit log as acts of models, in its order."""
    return [
        (entry.obj, entry.actor, str(entry.data["state"]), int(str(entry.data["mark"])))
        for entry in entries
        if entry.act == "alert" and entry.role == MODEL
    ]


def records(bus: EmbeddedBus, topic: str) -> Iterator[Stored]:
    """Yield every record of a topic."""
    position = 0
    while stored := bus.read(topic, 0, position, PAGE):
        yield from stored
        position = stored[-1].offset + 1


class _Reading:
    def __init__(self, data: Path) -> None:
        directory = DataDirectory(data)
        self._node = directory.name().node
        self._entries: list[Entry] = [stored.record for stored in read(directory.audit)]
        self._bus = EmbeddedBus(directory.bus, read_only=True)
        self._sealer = Sealer(FileKeystore(directory.keys / "keystore.json"), SystemClock())
        self._proof = Proof()

    def run(self) -> Proof:
        try:
            for topic in self._bus.topics(RAW):
                for stored in records(self._bus, topic):
                    opened = unpack(stored.value, self._sealer)
                    self._proof.accepted.update(event.header.id for event in opened.events)
                    self._proof.vaulted.update(e.header.id for e in opened.events if e.header.type in VAULTED)
            for topic in [*self._bus.topics(VIEWS), work.TOPIC]:
                for stored in records(self._bus, topic):
                    self._check(topic, stored)
            self._twice()
            self._changes()
        finally:
            self._bus.close()
        return self._proof

    def _check(self, topic: str, stored: Stored) -> None:
        where = f"{topic}/{stored.offset}"
        events = self._events(topic, stored)
        if not events:
            return
        cited = dict(stored.headers).get(MANIFEST, b"").decode()
        node, _, number = cited.rpartition("/")
        if node != self._node or not number.isdecimal() or int(number) >= len(self._entries):
            self._proof.breaches.append(f"{where}: names no record of this log ({cited})")
            return
        subscription, listed = self._manifest(int(number), where)
        if topic not in {work.TOPIC, panorama.TOPIC} and topic != VIEWS + subscription:
            self._proof.breaches.append(f"{where}: the manifest is for {subscription}")
        missing = [event.hex() for event in events if event.hex() not in listed]
        if missing:
            self._proof.breaches.append(f"{where}: not in the manifest: {missing}")
        self._proof.delivered.setdefault(subscription, Counter()).update(events)

    def _manifest(self, number: int, where: str) -> tuple[str, set[str]]:
        """Return the subscription and the events of a manifest, all its parts together."""
        first = self._entries[number]
        if first.act != "release" or first.data.get("part", 1) != 1:
            self._proof.breaches.append(f"{where}: record {number} is no release")
            return "", set()
        parts = self._entries[number : number + int(str(first.data.get("parts", 1)))]
        return first.obj, {event for part in parts for event in part.data["events"]}

    def _events(self, topic: str, stored: Stored) -> list[bytes]:
        if topic == panorama.TOPIC:
            return [panorama.decode(stored.value).event_id]
        if topic != work.TOPIC:
            return [uuid.UUID(dict(stored.headers)["ce_id"].decode()).bytes]
        item = work.decode(self._sealer.open(stored.value, work.work_ad(stored.key)))
        return [fact.id for fact in item.facts] if isinstance(item, work.FactBatch) else []

    def _twice(self) -> None:
        for subscription, events in self._proof.delivered.items():
            self._proof.breaches += [f"{subscription}: {e.hex()} delivered twice" for e, n in events.items() if n > 1]
        self._proof.breaches += [f"{e.hex()} accepted twice" for e, n in self._proof.accepted.items() if n > 1]

    def _changes(self) -> None:
        """Keep every change of an alert; one that says what the record before it said was published twice."""
        acts = set(steps(self._entries))
        last: dict[str, tuple[object, ...]] = {}
        for stored in records(self._bus, alerts.TOPIC):
            alert = alerts.decode(stored.value)
            self._proof.changes.append((alert.id, alert.state))
            if step_of(alert) not in acts:
                self._proof.breaches.append(f"alert {alert.id}: {alert.state} is not on record")
            if last.get(alert.id) == shell(alert):
                self._proof.breaches.append(f"alert {alert.id}: {alert.state} published twice")
            last[alert.id] = shell(alert)


def shell(alert: AlertRecord) -> tuple[object, ...]:
    """Return what makes a change of an alert a change."""
    return alert.state, alert.severity, alert.opened_at, alert.due_at, alert.closed_at, alert.reported_at
