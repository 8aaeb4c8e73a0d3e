"""Release as a stage: raw records in; manifests durable; then views, work and dead letters in one transaction.

`take` decides and changes the state of ids; `deliver` makes the manifests durable (one audit group for all that is
queued) and only then names what goes out. Killed in between, the same decision is made again: the manifest stands twice
under one id. A taken over partition writes it in the log of the node that took over.

A control epoch takes effect where the marks of the raw partition tell it. Where it changed a model, the partition is
read again from its beginning up to there, and its history released to the engine alone, by the present decision and
with manifests of that epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from schemas.catalogue import Contracts
from schemas.errors import CasebusError
from security.audit.port import Log
from security.audit.record import Entry
from security.batch import OpenedBatch, unpack
from security.sealing import Sealer
from streams import work
from streams.bus.port import Record
from streams.corrections import Find, given_key, payload_of
from streams.receivers import Deciding, EngineReceiver, payloads, seal_work
from streams.release import release
from streams.released import Notices, Place, Released, Share, id_key
from streams.runners.faust import placing
from streams.runners.faust.knowledge import Knowledge, Known
from streams.runners.faust.marks import is_marks, open_marks
from streams.runners.faust.placing import Partitions
from streams.runners.faust.stage import Back, Item, Output, Source
from streams.runners.faust.state import PartitionState
from streams.runners.releasing import (
    DEAD_LETTERS,
    MANIFEST,
    DeadLetter,
    letter_of,
    manifest_parts,
    parts_of,
    quarantine,
    unreachable,
    whole,
)

NAME = "release"
STAND = b"e"

_encode = msgspec.msgpack.Encoder().encode


class Stand(msgspec.Struct, array_like=True, frozen=True):
    """The control epoch a partition decides by and its fold; below offset `until` it is read again for the engine."""

    epoch: int = 0
    fold: int = 0
    until: int = 0


_decode = msgspec.msgpack.Decoder(Stand).decode


@dataclass(frozen=True)
class Decided:
    """What was decided of one raw record, by what; or the marks it holds."""

    known: Known
    shares: tuple[Share | Notices, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    marks: work.MarkBatch | None = None
    place: str = ""
    gone: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class ReleaseStage:
    """The stage of all raw topics."""

    topics: tuple[str, ...]
    audit: Log
    sealer: Sealer
    contracts: Contracts
    knowledge: Knowledge
    node: str
    partitions: Partitions
    name: str = NAME
    chained: bool = False
    blocking: bool = True

    def open(self, source: Source, state: PartitionState) -> ReleaseStep:
        """Begin on a raw partition."""
        return ReleaseStep(self, source, state)


class ReleaseStep:
    """Release of one raw partition."""

    def __init__(self, stage: ReleaseStage, source: Source, state: PartitionState) -> None:
        self.stage = stage
        self.source = source
        self.state = state
        stored = state.read(STAND)
        self._stand = _decode(stored) if stored else Stand()
        self._known = stage.knowledge.at(self._stand.epoch) if stored else None

    def take(self, item: Item) -> Decided | Back:
        """Decide about one raw record and remember its ids, or come to the epoch of its marks."""
        if is_marks(item.headers):
            return self._take_marks(item)
        place, known = self._place(item), self._standing()
        again = item.offset < self._stand.until
        try:
            batch = unpack(item.value, self.stage.sealer)
        except CasebusError as error:
            return Decided(known, letters=() if again else (whole(place, error.code),))
        if again:
            return Decided(known, tuple(self._again(batch, place, known)))
        self._expect(batch, place)
        outcome = self._release(batch, place, known, known.receivers, self.state.read)
        for key, value in outcome.seen.items():
            self.state.put(key, value)
        letters, gone = tuple(map(letter_of, outcome.aside)), tuple(unreachable(outcome, known.epoch))
        return Decided(known, tuple(parts_of(outcome)), letters, gone=gone)

    def _take_marks(self, item: Item) -> Decided | Back:
        if item.offset < self._stand.until:
            return Decided(self._standing())
        source = self.source
        marks = open_marks(self.stage.sealer, source.topic, source.partition, item.key, item.value)
        if isinstance(marks, CasebusError):
            return Decided(self._standing(), letters=(whole(self._place(item), marks.code),))
        if marks.epoch > self._stand.epoch:
            known = self.stage.knowledge.at(marks.epoch)
            if known.fold > self._stand.fold and item.offset:
                # What it said before was made for other models; these marks come again behind it.
                return Back(0, Decided(self._stand_at(known, item.offset)))
            self._stand_at(known, 0)
        known = self._standing()
        told = work.MarkBatch(marks.clock, marks.sources, known.epoch)
        return Decided(known, marks=told, place=f"{source}/{item.offset}")

    def _again(self, batch: OpenedBatch, place: Place, known: Known) -> list[Share | Notices]:
        """Release a batch of history to the engine; a repeated event changes nothing there.

        Events that were set aside as conflicts are known by another payload than they have: they stay aside.
        """
        engines = [receiver for receiver in known.receivers if isinstance(receiver, EngineReceiver)]
        mine = self._ids(batch)
        self.state.expect(mine)
        fresh: Find = lambda key: None if key in mine else self.state.read(key)  # noqa: E731 - one of two
        outcome = self._release(batch, place, known, engines, fresh)
        conflicts = {key for key in mine if self._differs(key, outcome.seen.get(key))}
        if conflicts:
            rest = mine - conflicts
            left: Find = lambda key: None if key in rest else self.state.read(key)  # noqa: E731 - one of two
            outcome = self._release(batch, place, known, engines, left)
        return parts_of(outcome)

    def _expect(self, batch: OpenedBatch, place: Place) -> None:
        """Have fetched together what is asked one by one: only where it helps, for the digests are made twice then."""
        if self.state.spilled:
            self.state.expect([*self._ids(batch), given_key(place.topic, place.partition, place.offset)])

    def _ids(self, batch: OpenedBatch) -> set[bytes]:
        return {id_key(header, self.stage.sealer.keyed_digest) for header in batch.headers}

    def _differs(self, key: bytes, value: bytes | None) -> bool:
        stood = payload_of(self.state.read(key))
        return value is not None and stood is not None and stood != payload_of(value)

    def _release(
        self, batch: OpenedBatch, place: Place, known: Known, receivers: Sequence[Deciding], find: Find
    ) -> Released:
        stage = self.stage
        return release(batch, place, receivers, stage.contracts, stage.sealer.keyed_digest, find, known.epoch)

    def _standing(self) -> Known:
        """Return what holds here; before the first marks, the newest."""
        if self._known is None:
            knowledge = self.stage.knowledge
            return self._stand_at(knowledge.at(knowledge.newest()), 0)
        return self._known

    def _stand_at(self, known: Known, until: int) -> Known:
        self._known, self._stand = known, Stand(known.epoch, known.fold, until)
        self.state.put(STAND, _encode(self._stand))
        return known

    def _place(self, item: Item) -> Place:
        return Place(self.source.topic, self.source.partition, item.offset)

    def deliver(self, taken: Sequence[Decided]) -> list[Output]:
        """Make the manifests durable, then name what goes out."""
        leaves = iter(self._authorise(taken))
        outputs: list[Output] = []
        for decided in taken:
            if decided.marks is not None:
                outputs += self._pass_on(decided.marks, decided.place)
            for share in decided.shares:
                leaf = next(leaves)
                if isinstance(share, Notices) or share.items:
                    outputs += self._records(share, leaf, decided.known)
            for letter in decided.letters:
                partition = self.source.partition % self.stage.partitions(DEAD_LETTERS)
                outputs.append(Output(DEAD_LETTERS, partition, Record(letter.event_id, msgspec.msgpack.encode(letter))))
        return outputs

    def _authorise(self, taken: Sequence[Decided]) -> list[int]:
        entries: list[Entry] = []
        starts: list[int] = []
        for decided in taken:
            for share in decided.shares:
                starts.append(len(entries))
                receiver = share.receiver
                assert isinstance(receiver, Deciding)
                entries += manifest_parts(share, receiver.principal, decided.known.epoch)
            entries += [quarantine(letter, decided.known.epoch) for letter in decided.letters]
            entries += decided.gone
        if not entries:
            return []
        first = self.stage.audit.append(entries).first
        return [first + start for start in starts]

    def _records(self, share: Share | Notices, leaf: int, known: Known) -> list[Output]:
        receiver, headers = share.receiver, ((MANIFEST, f"{self.stage.node}/{leaf}".encode()),)
        if isinstance(receiver, EngineReceiver):
            return self._facts(share, headers, known)
        assert isinstance(receiver, Deciding)
        topic = receiver.topic
        count = self.stage.partitions(topic)
        return [Output(topic, placing.of_key(r.key, count), r) for r in receiver.records(share, headers)]

    def _facts(self, share: Share | Notices, headers: tuple[tuple[str, bytes], ...], known: Known) -> list[Output]:
        place, count = share.place, self.stage.partitions(work.TOPIC)
        facts = payloads(share)
        outputs = []
        for partition, mine in placing.by_partition(known.engine, facts, count).items():
            key = f"{place.topic}/{place.partition}/{place.offset}/{partition}".encode()
            sealed = seal_work(self.stage.sealer, key, work.FactBatch(tuple(mine), known.epoch))
            outputs.append(Output(work.TOPIC, partition, Record(key, sealed, headers)))
        return outputs

    def _pass_on(self, marks: work.MarkBatch, place: str) -> list[Output]:
        outputs = []
        for partition in range(self.stage.partitions(work.TOPIC)):
            key = f"marks/{place}/{partition}".encode()
            outputs.append(Output(work.TOPIC, partition, Record(key, seal_work(self.stage.sealer, key, marks))))
        return outputs
