"""One commit of the door: settle what was inspected, then write it in one go.

Settling decides between accepted, repeated and conflict by the memory of ids and by what stands earlier in the same
commit. Writing is audit first, bus second; only then the memory learns and outcomes exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from schemas.correction import corrected
from schemas.event import Event
from schemas.faults import Fault
from security.audit.port import Log
from security.audit.record import Entry
from security.batch import Prepared
from security.keys.port import Signer
from security.payload import payload_digest
from security.sealing import Sealer
from security.vault import Vault
from services.gateway.dead_letters import TOPIC, UNKNOWN_AGENCY, Draft, RecentLetters, letter_key
from services.gateway.identity import keep, referring, without_numbers
from services.gateway.inspection import UNKNOWN_TYPE, Inspector, Rejected
from services.gateway.memory import Kept, Memory, Statements
from services.gateway.outcome import Outcome, Status
from services.gateway.publication import (
    PARTITION,
    Publication,
    Refusals,
    Speaker,
    Taking,
    publications,
    quarantine_entry,
)
from services.gateway.quality import Change, Ledger
from services.gateway.receipt import Commit, Statement, id_text
from streams.bus.port import Bus, Record, Transaction

CONFLICT: Final = "gateway.conflict"
NO_VAULT: Final = "gateway.no_vault"
CORRECTS_OTHER: Final = "gateway.corrects_other"
PAYLOAD: Final = "gateway-payload"
"""What the keyed digests of payloads are made for: digests of different uses never meet."""


class _Taken(NamedTuple):
    """Stands for the outcome of an event of this commit until its receipt exists."""

    status: Status
    event_id: bytes
    payload: bytes
    speaker: int
    place: int


class _Known(NamedTuple):
    """Stands for the outcome of an event that an earlier commit took, until its receipt exists again."""

    event_id: bytes
    place: int


class _Letter(NamedTuple):
    """Stands for the outcome of an event of this commit until its dead letter has a number."""

    event_id: bytes
    code: str
    faults: tuple[Fault, ...]
    place: int


_Pending = Outcome | _Taken | _Known | _Letter


@dataclass(frozen=True)
class Along:
    """What a commit does beside publishing: audit entries, and changes in its transaction.

    `put` takes part in the transaction.
    """

    entries: Sequence[Entry] = ()
    put: Along.Put | None = None

    class Put(Protocol):
        """Changes stores in the commit's transaction."""

        def __call__(self, change: Transaction, seq: int) -> None:
            """Make the changes; `seq` is the number of the first entry of these in the audit log."""
            ...


NOTHING: Final = Along()


class CommitDraft:
    """What one commit will write."""

    def __init__(
        self,
        sealer: Sealer,
        memory: Memory,
        letters: RecentLetters,
        inspector: Inspector,
        signer: Signer,
        now: int,
        ledger: Ledger,
        vault: Vault | None = None,
    ) -> None:
        self._sealer, self._memory, self._recent = sealer, memory, letters
        self._inspector, self._signer, self._now = inspector, signer, now
        self._ledger = ledger
        self._vault = vault
        self._changes: dict[str, Change] = defaultdict(Change)
        self._rows: list[list[_Pending]] = []
        self._speakers: list[Speaker] = []
        self._places: dict[tuple[int, str, str], int] = {}
        self._takings: list[list[Taking]] = []
        self._refusals: list[Refusals] = []
        self._letters: list[tuple[Speaker, Draft, bytes]] = []
        self._letter_places: dict[bytes, int] = {}
        self._earlier: dict[tuple[str, bytes], _Taken] = {}
        self._known: list[Statement] = []

    def settle(
        self,
        speaker: Speaker,
        said: Sequence[Any],
        inspected: Sequence[Prepared | Rejected],
        body: Callable[[int], bytes],
    ) -> None:
        """Settle the events of one request; `body` gives the SHA-256 of what was sent as one event."""
        place = self._place(speaker)
        self._refusals.append(Refusals(speaker))
        row: list[_Pending] = []
        for index, result in enumerate(inspected):
            if isinstance(result, Rejected):
                row.append(self._reject(speaker, result, said[index], body(index)))
            else:
                row.append(self._take(place, result, said[index], body(index)))
        self._rows.append(row)

    def _place(self, speaker: Speaker) -> int:
        """Return the place of a speaker: what several requests of one say goes into the same raw batch.

        By the very source, not by its id: another control epoch's is another one.
        """
        key = id(speaker.source), speaker.actor, speaker.purpose
        if key not in self._places:
            self._places[key] = len(self._speakers)
            self._speakers.append(speaker)
            self._takings.append([])
        return self._places[key]

    def _take(self, place: int, prepared: Prepared, said: Any, body: bytes) -> _Pending:  # noqa: PLR0911 - one an end
        speaker = self._speakers[place]
        event, source, digest = prepared.event, speaker.source.id, self._sealer.keyed_digest
        if prepared.contract.vault and self._vault is None:
            return self._refuse(speaker, NO_VAULT, "$", event, said, body)
        going = referring(prepared, digest) if prepared.contract.vault else prepared
        payload = payload_digest(digest, PAYLOAD, event, event.flags, going.blobs)
        earlier = self._earlier.get((source, event.id))
        if earlier is not None:
            if earlier.payload != payload:
                return self._conflict(speaker, prepared, said, body)
            self._changes[source].repeated += 1
            return earlier._replace(status=Status.REPEATED)
        known = self._memory.find(source, event.id)
        if known is not None:
            if known.payload != payload:
                return self._conflict(speaker, prepared, said, body)
            self._changes[source].repeated += 1
            self._known.append(known.statement)
            return _Known(event.id, len(self._known) - 1)
        if event.supersedes is not None and self._memory.said_by_another(source, corrected(event.supersedes)):
            return self._refuse(speaker, CORRECTS_OTHER, "$.supersedes", event, said, body)
        sealed = keep(prepared, self._vault, digest) if prepared.contract.vault and self._vault else None
        takings = self._takings[place]
        taken = _Taken(Status.ACCEPTED, event.id, payload, place, len(takings))
        self._earlier[source, event.id] = taken
        takings.append(Taking(going, payload, body, sealed))
        return taken

    def _refuse(self, speaker: Speaker, code: str, path: str, event: Event, said: Any, body: bytes) -> _Pending:
        return self._reject(speaker, Rejected(Status.REFUSED, code, (Fault.of(path, code),), event), said, body)

    def _conflict(self, speaker: Speaker, prepared: Prepared, said: Any, body: bytes) -> _Pending:
        label = self._inspector.label(prepared.contract, prepared.event.flags)
        fault = Fault.of("$.id", CONFLICT)
        return self._reject(
            speaker, Rejected(Status.QUARANTINED, CONFLICT, (fault,), prepared.event, label), said, body
        )

    def _reject(self, speaker: Speaker, rejected: Rejected, said: Any, body: bytes) -> _Pending:
        event = rejected.event
        event_id = event.id if event else b""
        # Nothing of an event that names a person in clear is kept outside the vault, not even sealed.
        if rejected.status is not Status.QUARANTINED or event is None or self._inspector.for_vault(event.type):
            self._refusals[-1].add(rejected.code, event_id.hex())
            self._changes[speaker.source.id].refused[rejected.code] += 1
            return Outcome(Status.REFUSED, id_text(event_id), rejected.code, rejected.faults)
        self._changes[speaker.source.id].quarantined[rejected.code] += 1
        key = letter_key(speaker.source.id, rejected.code, body)
        number = self._recent.find(key)
        if number is not None:
            # A publisher that sends the same faulty event again and again fills no topic with it.
            return Outcome(Status.QUARANTINED, id_text(event_id), rejected.code, rejected.faults, number)
        place = self._letter_places.get(key)
        if place is None:
            place = self._letter_places[key] = len(self._letters)
            self._letters.append((speaker, self._draft(speaker, rejected, event, said, body), key))
        return _Letter(event_id, rejected.code, rejected.faults, place)

    def _draft(self, speaker: Speaker, rejected: Rejected, event: Event, said: Any, body: bytes) -> Draft:
        known = rejected.code != UNKNOWN_TYPE
        return Draft(
            source=speaker.source.id,
            agency=speaker.source.agency if known else UNKNOWN_AGENCY,
            event_id=event.id,
            type=event.type if known else "",
            code=rejected.code,
            label=rejected.label,
            at=self._now,
            faults=rejected.faults,
            flags=event.flags,
            said=without_numbers(said, self._sealer.person_key),
            body=body,
        )

    def write(self, audit: Log, bus: Bus, node: str, along: Along = NOTHING) -> list[list[Outcome]]:
        """Write everything and return the outcomes. Raises what the log or the bus raises; then nothing counts."""
        groups = [
            publications(speaker, takings, self._sealer, node)
            for speaker, takings in zip(self._speakers, self._takings, strict=True)
        ]
        published = [publication for group in groups for publication in group]
        entries = [publication.entry() for publication in published]
        entries += [entry for refusals in self._refusals for entry in refusals.entries()]
        entries += [quarantine_entry(speaker, draft) for speaker, draft, _ in self._letters]
        beside = len(entries)
        entries += along.entries
        first = audit.append(entries).first if entries else 0
        for seq, publication in enumerate(published, first):
            publication.seq = seq
        kept = [publication.kept(node, self._now) for publication in published]
        self._count()
        letter = 0
        if published or self._letters or along.put:
            put = partial(along.put, seq=first + beside) if along.put else None
            letter = self._append(bus, published, kept, node, put)
        else:
            self._ledger.wait(self._changes)
        self._memory.learn(kept)
        for place, (_, _, key) in enumerate(self._letters):
            self._recent.learn(key, letter + place)
        return self._outcomes(kept, letter)

    def _count(self) -> None:
        for speaker, takings in zip(self._speakers, self._takings, strict=True):
            if takings:
                change = self._changes[speaker.source.id]
                change.accepted += len(takings)
                change.late += self._ledger.late(speaker.source.id, takings)

    def _append(
        self,
        bus: Bus,
        published: Sequence[Publication],
        kept: Sequence[Kept],
        node: str,
        put: Callable[[Transaction], None] | None,
    ) -> int:
        """Append in one transaction; return the number of the first dead letter."""
        by_place: dict[tuple[str, int], list[Record]] = {}
        for publication in published:
            place = publication.topic, publication.partition(bus.partitions(publication.topic))
            by_place.setdefault(place, []).append(publication.record(self._sealer, node))
        letters = [draft.record(self._sealer) for _, draft, _ in self._letters]
        first_letter = 0
        with bus.transaction() as change:
            for (topic, partition), records in by_place.items():
                change.send(topic, partition, records)
            if letters:
                first_letter = change.append(TOPIC, PARTITION, letters) - len(letters) + 1
            self._memory.put(change, kept)
            counted = self._ledger.put(change, self._changes, self._now)
            if put:
                put(change)
        self._ledger.learn(counted)
        return first_letter

    def _outcomes(self, kept: Sequence[Kept], letter: int) -> list[list[Outcome]]:
        """Make the outcomes: one tree of receipts over everything that was taken, one over what was known before."""
        starts = [0]
        for takings in self._takings:
            starts.append(starts[-1] + len(takings))
        commit, again = Commit(Statements(kept), self._signer), Commit(self._known, self._signer)

        def outcome(pending: _Pending) -> Outcome:
            if isinstance(pending, _Taken):
                index = starts[pending.speaker] + pending.place
                return Outcome(pending.status, id_text(pending.event_id), commit=commit, index=index)
            if isinstance(pending, _Known):
                return Outcome(Status.REPEATED, id_text(pending.event_id), commit=again, index=pending.place)
            if isinstance(pending, _Letter):
                number = letter + pending.place
                return Outcome(Status.QUARANTINED, id_text(pending.event_id), pending.code, pending.faults, number)
            return pending

        return [[outcome(pending) for pending in row] for row in self._rows]
