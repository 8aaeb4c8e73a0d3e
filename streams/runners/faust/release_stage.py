"""Release as a stage: raw records in; manifests durable; then views, work and dead letters in one transaction.

`take` decides and changes the state of ids; `deliver` makes the manifests durable (one audit group for all that is
queued) and only then names what goes out. Killed in between, the same decision is made again: the manifest stands twice
under one id. A taken over partition writes it in the log of the node that took over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from schemas.catalogue import Contracts
from schemas.errors import CasebusError
from security.audit.manifest import split_manifest
from security.audit.port import Log
from security.audit.record import Entry
from security.batch import unpack
from security.sealing import Sealer
from streams import work
from streams.bus.port import Record
from streams.receivers import Deciding, EngineReceiver, seal_work
from streams.release import MANIFEST_LISTS, Place, Share, release
from streams.runners.faust import placing
from streams.runners.faust.marks import is_marks, open_marks
from streams.runners.faust.placing import Partitions
from streams.runners.faust.stage import Item, Output, Source
from streams.runners.faust.state import PartitionState
from streams.runners.releasing import DEAD_LETTERS, MANIFEST, DeadLetter, letter_of, manifest, quarantine, whole
from streams.supervision.engine import Engine

NAME = "release"


@dataclass(frozen=True)
class Decided:
    """What was decided of one raw record, at which epoch; or the marks it holds."""

    epoch: int
    shares: tuple[Share, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    marks: work.MarkBatch | None = None
    place: str = ""


@dataclass(frozen=True)
class ReleaseStage:
    """The stage of all raw topics; `engine` only says which keys a fact belongs to."""

    topics: tuple[str, ...]
    audit: Log
    sealer: Sealer
    contracts: Contracts
    engine: Engine
    receivers: Callable[[], Sequence[Deciding]]
    epoch: Callable[[], int]
    node: str
    partitions: Partitions
    name: str = NAME
    chained: bool = False
    blocking: bool = True

    def open(self, source: Source, state: PartitionState) -> ReleaseStep:
        """Begin on a raw partition."""
        return ReleaseStep(self, source, state)


@dataclass
class ReleaseStep:
    """Release of one raw partition."""

    stage: ReleaseStage
    source: Source
    state: PartitionState

    def take(self, item: Item) -> Decided:
        """Decide about one raw record and remember its ids."""
        stage, source = self.stage, self.source
        place = Place(source.topic, source.partition, item.offset)
        epoch = stage.epoch()
        if is_marks(item.headers):
            marks = open_marks(stage.sealer, source.topic, source.partition, item.key, item.value)
            if isinstance(marks, CasebusError):
                return Decided(epoch, letters=(whole(place, marks.code),))
            return Decided(epoch, marks=marks, place=f"{source}/{item.offset}")
        try:
            batch = unpack(item.value, stage.sealer)
        except CasebusError as error:
            return Decided(epoch, letters=(whole(place, error.code),))
        digest = stage.sealer.keyed_digest
        outcome = release(batch, place, stage.receivers(), stage.contracts, digest, self.state.read)
        for key, payload in outcome.seen.items():
            self.state.put(key, payload)
        shares = tuple(share for share in outcome.shares if share.items or share.denied)
        return Decided(epoch, shares, tuple(map(letter_of, outcome.aside)))

    def deliver(self, taken: Sequence[Decided]) -> list[Output]:
        """Make the manifests durable, then name what goes out."""
        leaves = iter(self._authorise(taken))
        outputs: list[Output] = []
        for decided in taken:
            if decided.marks is not None:
                outputs += self._pass_on(decided.marks, decided.place)
            for share in decided.shares:
                leaf = next(leaves)
                if share.items:
                    outputs += self._records(share, leaf)
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
                entries += split_manifest(manifest(share, receiver.principal, decided.epoch), MANIFEST_LISTS)
            entries += [quarantine(letter, decided.epoch) for letter in decided.letters]
        if not entries:
            return []
        first = self.stage.audit.append(entries).first
        return [first + start for start in starts]

    def _records(self, share: Share, leaf: int) -> list[Output]:
        receiver, headers = share.receiver, ((MANIFEST, f"{self.stage.node}/{leaf}".encode()),)
        if isinstance(receiver, EngineReceiver):
            return self._facts(share, headers)
        assert isinstance(receiver, Deciding)
        topic = receiver.topic
        count = self.stage.partitions(topic)
        return [Output(topic, placing.of_key(r.key, count), r) for r in receiver.records(share, headers)]

    def _facts(self, share: Share, headers: tuple[tuple[str, bytes], ...]) -> list[Output]:
        place, count = share.place, self.stage.partitions(work.TOPIC)
        facts = [payload for _, payload in share.items]
        outputs = []
        for partition, mine in placing.by_partition(self.stage.engine, facts, count).items():
            key = f"{place.topic}/{place.partition}/{place.offset}/{partition}".encode()
            sealed = seal_work(self.stage.sealer, key, work.FactBatch(tuple(mine)))
            outputs.append(Output(work.TOPIC, partition, Record(key, sealed, headers)))
        return outputs

    def _pass_on(self, marks: work.MarkBatch, place: str) -> list[Output]:
        outputs = []
        for partition in range(self.stage.partitions(work.TOPIC)):
            key = f"marks/{place}/{partition}".encode()
            outputs.append(Output(work.TOPIC, partition, Record(key, seal_work(self.stage.sealer, key, marks))))
        return outputs
