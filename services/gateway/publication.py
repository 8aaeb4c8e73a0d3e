"""What one commit of the door writes: raw batches, audit entries, dead letters, and the memory of ids.

Everything is gathered first and written in one order: the audit log, then one transaction on the bus. So an event on
the bus is always in the log, and an answer is always about both.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from security.audit.manifest import split_manifest
from security.audit.record import Entry, Sealed
from security.batch import Prepared, pack
from security.batch_wire import MAX_EVENTS
from security.sealing import Sealer
from services.gateway.dead_letters import Draft, record_key
from services.gateway.memory import Kept
from services.gateway.source import Source
from streams.bus.port import Record

RAW = "casebus.raw."
PARTITION = 0
AUDITED = "audit"
"""The header of a raw record that cites the audit record of its publication: node/number."""
ROLE = "publisher"


MAX_SEALED = 64
"""Events of a batch of which any lies in the vault: a record names each blob and has its own limit."""


@dataclass(frozen=True, slots=True)
class Taking:
    """An event that is taken: ready to be packed, the digest of its payload, the SHA-256 of what was sent.

    `sealed` names what of it lies in the vault.
    """

    prepared: Prepared
    payload: bytes
    body: bytes
    sealed: Sealed | None = None


@dataclass(frozen=True)
class Speaker:
    """Who publishes: the source, the person behind it if there is one, and what for."""

    source: Source
    actor: str = ""
    purpose: str = ""


def partition_of(source: str, count: int) -> int:
    """Return the raw partition of a source: it keeps to one, where its repeats, corrections and marks find it."""
    return zlib.crc32(source.encode()) % count


@dataclass
class Publication:
    """One raw batch of one speaker, at most 256 events, and its audit entry."""

    speaker: Speaker
    takings: Sequence[Taking]
    value: bytes
    seq: int = 0

    @property
    def topic(self) -> str:
        """The raw topic it goes to."""
        return RAW + self.speaker.source.agency

    def partition(self, count: int) -> int:
        """Return its partition."""
        return partition_of(self.speaker.source.id, count)

    def entry(self) -> Entry:
        """Make the audit record: ids, keyed payload digests and the digest of the sealed batch; no clear digest."""
        payloads = b"".join(taking.payload for taking in self.takings)
        return Entry(
            act="publish",
            actor=self.speaker.actor,
            org=self.speaker.source.organisation,
            role=ROLE,
            purpose=self.speaker.purpose,
            obj=self.speaker.source.id,
            topic=self.topic,
            msg=hashlib.sha256(self.value).hexdigest(),
            data={
                "events": [taking.prepared.event.id.hex() for taking in self.takings],
                "payloads": base64.b64encode(payloads).decode(),
            },
            pii=tuple(taking.sealed for taking in self.takings if taking.sealed is not None),
        )

    def kept(self, node: str, now: int) -> Kept:
        """Make what the memory of ids keeps of it."""
        return Kept(
            source=self.speaker.source.id,
            node=node,
            seq=self.seq,
            at=now,
            ids=b"".join(taking.prepared.event.id for taking in self.takings),
            bodies=b"".join(taking.body for taking in self.takings),
            payloads=b"".join(taking.payload for taking in self.takings),
        )

    def record(self, sealer: Sealer, node: str) -> Record:
        """Make the raw record; its key is a keyed digest of source and first event."""
        source, first = self.speaker.source.id, self.takings[0].prepared.event.id
        cited = f"{node}/{self.seq}".encode()
        return Record(record_key(sealer, source, first), self.value, ((AUDITED, cited),))


def publications(speaker: Speaker, takings: Sequence[Taking], sealer: Sealer, gateway: str) -> list[Publication]:
    """Pack what one speaker publishes into batches."""
    most = MAX_SEALED if any(taking.sealed for taking in takings) else MAX_EVENTS
    batches = [takings[first : first + most] for first in range(0, len(takings), most)]
    return [
        Publication(speaker, batch, pack([taking.prepared for taking in batch], sealer, speaker.source.agency, gateway))
        for batch in batches
    ]


@dataclass
class Refusals:
    """What one speaker was refused: per code the ids that could be read, and how many there were."""

    speaker: Speaker
    events: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, code: str, event_id: str) -> None:
        """Count a refusal."""
        self.counts[code] = self.counts.get(code, 0) + 1
        known = self.events.setdefault(code, [])
        if event_id:
            known.append(event_id)

    def entries(self) -> list[Entry]:
        """Make the tombstones: who, why, how many, which ids. Nothing of what the events say."""
        return [
            part
            for code, count in self.counts.items()
            for part in split_manifest(
                Entry(
                    act="refuse",
                    out=code,
                    actor=self.speaker.actor,
                    org=self.speaker.source.organisation,
                    role=ROLE,
                    purpose=self.speaker.purpose,
                    obj=self.speaker.source.id,
                    why=code,
                    data={"count": count, "events": list(self.events[code])},
                )
            )
        ]


def quarantine_entry(speaker: Speaker, draft: Draft) -> Entry:
    """Make the audit record of a dead letter."""
    return Entry(
        act="quarantine",
        out=draft.code,
        actor=speaker.actor,
        org=speaker.source.organisation,
        role=ROLE,
        purpose=speaker.purpose,
        obj=draft.event_id.hex(),
        why=draft.code,
        data={"level": draft.label.level, "source": draft.source},
    )
