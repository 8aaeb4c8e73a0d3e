"""The door: what agencies say comes in here, and nowhere else. No HTTP in it.

`Door.accept` takes events of one registered source; `accept_all` serves several requests by one commit. Every event
ends in exactly one of accepted, repeated, refused, quarantined, and is counted. What it answers is durable: the audit
log first, the bus second, the answer last. Where either fails nothing is acknowledged, and a repetition is harmless.
"""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from schemas.catalogue import Contracts
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.room import lacks_room
from security.audit.errors import AuditPoisonedError
from security.audit.port import Log
from security.audit.record import Entry
from security.keys.port import Signer
from security.sealing import Sealer
from security.vault import Vault
from services.gateway.commit import NOTHING, Along, CommitDraft
from services.gateway.dead_letters import DeadLetters, RecentLetters
from services.gateway.inspection import Inspector
from services.gateway.letter_desk import LetterDesk
from services.gateway.marks import DeclaredMark, DeclaredMarks
from services.gateway.memory import Memory
from services.gateway.metrics import GatewayMetrics
from services.gateway.outcome import Outcome
from services.gateway.publication import RAW, ROLE, Speaker
from services.gateway.quality import Ledger
from services.gateway.receipt import Commit, Receipt
from services.gateway.redriving import Redriver
from services.gateway.rehearsing import rehearse
from services.gateway.source import HIGHEST_LEVEL, ElsewhereError, Source, Sources
from streams.bus.port import Bus, BusFullError

PUBLISH = "publish"
"""The purpose that is written where none is given."""


class DiskFullError(UnavailableError):
    """The disk is full; nothing of this call was acknowledged."""

    code: ClassVar[str] = "gateway.disk_full"


@dataclass(frozen=True)
class Request:
    """Events of one source.

    Attributes:
        events: structured CloudEvents, as parsed from JSON.
        bodies: the bytes that were sent, one per event; the receipt names their digest. None: the canonical JSON.
        actor: alias of the person on whose act the source publishes, where there is one.
    """

    publisher: Source
    events: Sequence[Any]
    actor: str = ""
    purpose: str = PUBLISH
    bodies: Sequence[bytes] | None = None

    def body(self, index: int) -> bytes:
        """Return the SHA-256 of what was sent as one event."""
        sent = self.bodies[index] if self.bodies is not None else _canonical(self.events[index])
        return hashlib.sha256(sent).digest()


class Door:
    """The one way in; safe for many threads."""

    def __init__(
        self,
        contracts: Contracts,
        bus: Bus,
        audit: Log,
        sealer: Sealer,
        clock: Clock,
        sources: Sources,
        *,
        signer: Signer,
        node: str,
        ceiling: int = HIGHEST_LEVEL,
        metrics: GatewayMetrics | None = None,
        vault: Vault | None = None,
        takes_unbound: bool = True,
    ) -> None:
        """Open the door.

        Args:
            contracts: what may be said.
            bus: where raw batches, dead letters, marks and the memory of ids go.
            audit: the node's audit log.
            sealer: seals; must be able to provision keys of agencies it has not seen.
            clock: the gateway's clock: recording times, the guard against the future, the cap of marks.
            sources: who may say what.
            signer: signs receipts.
            node: the gateway's name in receipts, MACs and raw records; ASCII.
            ceiling: the highest level this node is registered for.
            metrics: where to count.
            vault: where clear names and numbers of persons go; without one such events are refused.
            takes_unbound: whether it takes the sources for which control names no gateway.
        """
        self.sources = sources
        self.metrics = metrics or GatewayMetrics()
        self.dead_letters = DeadLetters(bus)
        self.node = node
        self.contracts = contracts
        self.public_key = signer.public_key
        self._bus, self._audit, self._sealer, self._clock, self._signer = bus, audit, sealer, clock, signer
        self._inspector = Inspector(contracts, sealer.person_key, ceiling)
        self._memory = Memory(bus, sealer, "gateway")
        self._letters = RecentLetters()
        self._marks = DeclaredMarks(bus, RAW)
        self._ledger = Ledger(bus, self._marks.of)
        self._vault = vault
        self._takes_unbound = takes_unbound
        self._lock = threading.Lock()
        redriver = Redriver(
            bus, sealer, self._inspector, self._memory, self.dead_letters, lambda: self.sources, vault=vault is not None
        )
        self.letter_desk = LetterDesk(
            redriver, self.dead_letters, self._ledger, self._marks, clock, self._lock, self._draft, self._write
        )

    def accept(
        self,
        publisher: Source | str,
        events: Sequence[Any],
        actor: str | None = None,
        purpose: str = PUBLISH,
        bodies: Sequence[bytes] | None = None,
    ) -> list[Outcome]:
        """Take events of one source; return one outcome each, in order. See `accept_all`."""
        source = self.source(publisher) if isinstance(publisher, str) else publisher
        return self.accept_all([Request(source, events, actor or "", purpose, bodies)])[0]

    def accept_all(self, requests: Sequence[Request]) -> list[list[Outcome]]:
        """Take the events of several requests by one commit; return their outcomes, in order.

        Raises:
            DiskFullError: the audit log or the bus cannot grow. Nothing was acknowledged.
            UnavailableError: the log or the bus cannot write now. Nothing was acknowledged.
        """
        began = time.monotonic()
        now = self._clock.now_us()
        # Reading, checking and encoding need no lock: another thread's commit may be on its way to the disk meanwhile.
        inspected = [
            [self._inspector.inspect(event, request.publisher, now) for event in request.events] for request in requests
        ]
        with self._lock:
            draft = self._draft(now)
            for request, results in zip(requests, inspected, strict=True):
                speaker = Speaker(request.publisher, request.actor, request.purpose)
                draft.settle(speaker, request.events, results, request.body)
            outcomes = self._write(draft)
        self.metrics.took([outcome for row in outcomes for outcome in row], time.monotonic() - began)
        return outcomes

    def source(self, name: str) -> Source:
        """Return a source that publishes here.

        Raises:
            UnknownSourceError: there is none of this name. ElsewhereError: it publishes at another gateway.
        """
        found = self.sources.get(name)
        if not self.is_here(found):
            raise ElsewhereError(source=name, gateway=found.gateway or "-")
        return found

    def is_here(self, source: Source) -> bool:
        """Whether a source publishes at this gateway."""
        return source.gateway == self.node or (self._takes_unbound and not source.gateway)

    def check(self, publisher: Source, events: Sequence[Any]) -> list[Outcome]:
        """Say what would become of events of a source; nothing is kept and nothing recorded."""
        now = self._clock.now_us()
        inspected = [self._inspector.inspect(event, publisher, now) for event in events]
        has_vault = self._vault is not None
        return [rehearse(result, publisher, self._memory, self._sealer, vault=has_vault) for result in inspected]

    def receipt(self, publisher: Source, event_id: str) -> Receipt | None:
        """Return the receipt of an event of this source that is remembered; None where it is not."""
        try:
            known = self._memory.find(publisher.id, uuid.UUID(event_id).bytes)
        except ValueError:
            return None
        return Commit((known.statement,), self._signer).receipt(0) if known else None

    def record(self, entry: Entry, change: Along.Put) -> None:
        """Make an act durable in the audit log, then by one transaction what follows from it; see `Along`."""
        with self._lock:
            self._write(self._draft(self._clock.now_us()), Along([entry], change))

    def heartbeat(self, publisher: Source | str) -> int:
        """Keep that a source has said everything up to now; return its mark."""
        now = self._clock.now_us()
        return self._marks.declare(_id(publisher), now, now)

    def complete_to(self, publisher: Source | str, us: int, actor: str = "") -> int:
        """Keep that a source has said everything before `us`; return its mark: capped by the clock, never lower.

        A declaration that moves the mark is durable in the audit log before it counts: deadlines hang on it.
        """
        source, now = _id(publisher), self._clock.now_us()
        if min(us, now) > self._marks.of(source):
            org = "" if isinstance(publisher, str) else publisher.organisation
            data = {"declared": us, "before": self._marks.of(source)}
            entry = Entry(act="mark", actor=actor or source, org=org, role=ROLE, obj=source, data=data)
            self._audit.append([entry])
        return self._marks.declare(source, us, now)

    def marks(self) -> Mapping[str, DeclaredMark]:
        """Return source → declared mark."""
        return self._marks.all()

    def _draft(self, now: int) -> CommitDraft:
        return CommitDraft(
            self._sealer, self._memory, self._letters, self._inspector, self._signer, now, self._ledger, self._vault
        )

    def _write(self, draft: CommitDraft, along: Along = NOTHING) -> list[list[Outcome]]:
        try:
            return draft.write(self._audit, self._bus, self.node, along)
        except (UnavailableError, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: UnavailableError | OSError) -> UnavailableError:
        if isinstance(error, OSError):
            full = lacks_room(error)
        else:
            full = isinstance(error, BusFullError) or (isinstance(error, AuditPoisonedError) and error.full)
        failure = DiskFullError() if full else UnavailableError(what="audit, bus")
        if not full and isinstance(error, UnavailableError):
            failure = error
        self.metrics.failed(failure.code)
        return failure


def _id(publisher: Source | str) -> str:
    return publisher if isinstance(publisher, str) else publisher.id


_canonical = msgspec.json.Encoder(order="deterministic").encode
