"""The release step of a runner: raw batches in; manifests durable; then one transaction that delivers.

The order is the promise: decide, build, `audit.append` (durable when it returns), then the transaction. Killed before
the append: nothing happened. Killed between: the manifest stands without a delivery, and stands again with the same id
after the restart. Killed later: delivered once, by that manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.catalogue import Contracts
from schemas.errors import CasebusError
from security.audit.manifest import split_manifest
from security.audit.port import Log
from security.audit.record import Entry
from security.batch import OpenedBatch, unpack
from security.sealing import Sealer
from security.subjects import Principal
from streams.bus.port import Bus, Record, Stored, Transaction
from streams.receivers import Deciding
from streams.release import (
    CONFLICT,
    MANIFEST_LISTS,
    Place,
    Released,
    SetAside,
    Share,
    id_key,
    manifest_data,
    manifest_id,
    release,
)

GROUP = "release"
SEEN = "release.seen"
RAW = "casebus.raw."
DEAD_LETTERS = "casebus.dlq"
BATCHES = 8
"""Raw records of one step: one audit group and one transaction serve them all."""
PARTITION = 0
MANIFEST = "manifest"
"""The header of a delivered record that names what allowed it: node/number."""


class DeadLetter(msgspec.Struct, array_like=True, frozen=True):
    """Data that could not go on: why, and where the sealed raw record stands. `index` is -1 for a whole record."""

    v: int
    code: str
    topic: str
    partition: int
    offset: int
    index: int
    event_id: bytes
    source: str


@dataclass(slots=True)
class Tally:
    """Counts of a run, for metrics and reports."""

    events: int = 0
    repeats: int = 0
    conflicts: int = 0
    quarantined: int = 0
    views: int = 0
    denied: int = 0
    by_subscription: dict[str, int] = field(default_factory=dict)


@dataclass
class Releasing:
    """Takes raw records to the subscriptions; one thread drives it."""

    bus: Bus
    audit: Log
    sealer: Sealer
    contracts: Contracts
    receivers: Callable[[], Sequence[Deciding]]
    epoch: Callable[[], int]
    node: str
    tally: Tally = field(default_factory=Tally)

    def step(self, topic: str) -> int:
        """Release up to `BATCHES` records of a raw topic; return how many there were."""
        position = self.bus.position(GROUP, topic, PARTITION)
        stored = self.bus.read(topic, PARTITION, position, BATCHES)
        if not stored:
            return 0
        epoch, receivers = self.epoch(), self.receivers()
        seen: dict[bytes, bytes] = {}
        outcomes: list[Released] = []
        letters: list[DeadLetter] = []
        for record in stored:
            place = Place(topic, PARTITION, record.offset)
            batch, refused = self._open(record, place)
            if batch is None:
                letters.append(refused)
                continue
            outcome = self._release(batch, place, receivers, seen)
            seen.update(outcome.seen)
            outcomes.append(outcome)
            letters += [letter_of(each) for each in outcome.aside]
        shares = [share for outcome in outcomes for share in outcome.shares if share.items or share.denied]
        by_id = {receiver.subscription: receiver for receiver in receivers}
        leaves = self._authorise(shares, letters, by_id, epoch)
        with self.bus.transaction() as change:
            self._deliver(change, shares, leaves, by_id)
            for key, digest in seen.items():
                change.put(SEEN, key, digest)
            change.append(DEAD_LETTERS, PARTITION, [Record(b.event_id, msgspec.msgpack.encode(b)) for b in letters])
            change.advance(GROUP, topic, PARTITION, stored[-1].offset + 1)
        self._count(outcomes, shares, letters)
        return len(stored)

    def again(self, topic: str, until: int, receivers: Sequence[Deciding], stopped: Callable[[], bool]) -> None:
        """Release the history of a raw topic below offset `until` to these receivers only, unless `stopped` on the way.

        Conflicts were quarantined when they came; the first of an id stands first in the topic, so a second one is told
        by what this walk has seen.
        """
        by_id = {receiver.subscription: receiver for receiver in receivers}
        seen: dict[bytes, bytes] = {}
        for position in range(0, until, BATCHES):
            if stopped():
                return
            stored = self.bus.read(topic, PARTITION, position, min(BATCHES, until - position))
            shares: list[Share] = []
            for record in stored:
                place = Place(topic, PARTITION, record.offset)
                batch, _ = self._open(record, place)
                if batch is None:
                    continue
                outcome = release(batch, place, receivers, self.contracts, self.sealer.keyed_digest, seen.get)
                seen.update(outcome.seen)
                shares += [share for share in outcome.shares if share.items or share.denied]
            leaves = self._authorise(shares, (), by_id, self.epoch())
            with self.bus.transaction() as change:
                self._deliver(change, shares, leaves, by_id)

    def _open(self, record: Stored, place: Place) -> tuple[OpenedBatch | None, DeadLetter]:
        try:
            return unpack(record.value, self.sealer), whole(place, "")
        except CasebusError as error:
            return None, whole(place, error.code)

    def _release(
        self, batch: OpenedBatch, place: Place, receivers: Sequence[Deciding], fresh: Mapping[bytes, bytes]
    ) -> Released:
        digest = self.sealer.keyed_digest
        # One query for the whole batch.
        known = self.bus.get_many(SEEN, [id_key(header, digest) for header in batch.headers])

        def seen(key: bytes) -> bytes | None:
            return fresh.get(key) or known.get(key)

        return release(batch, place, receivers, self.contracts, digest, seen)

    def _authorise(
        self, shares: Sequence[Share], letters: Sequence[DeadLetter], by_id: Mapping[str, Deciding], epoch: int
    ) -> list[int]:
        """Make the manifests durable; return the number of the first part of each share's manifest."""
        entries: list[Entry] = []
        starts: list[int] = []
        for share in shares:
            starts.append(len(entries))
            principal = by_id[share.receiver.subscription].principal
            entries += split_manifest(manifest(share, principal, epoch), MANIFEST_LISTS)
        entries += [quarantine(letter, epoch) for letter in letters]
        if not entries:
            return []
        first = self.audit.append(entries).first
        return [first + start for start in starts]

    def _deliver(
        self, change: Transaction, shares: Sequence[Share], leaves: Sequence[int], by_id: Mapping[str, Deciding]
    ) -> None:
        for share, leaf in zip(shares, leaves, strict=True):
            if share.items:
                receiver = by_id[share.receiver.subscription]
                headers = ((MANIFEST, f"{self.node}/{leaf}".encode()),)
                change.append(receiver.topic, PARTITION, receiver.records(share, headers))

    def _count(self, outcomes: Sequence[Released], shares: Sequence[Share], letters: Sequence[DeadLetter]) -> None:
        tally = self.tally
        for outcome in outcomes:
            tally.events += outcome.fresh
            tally.repeats += outcome.repeats
            tally.conflicts += sum(each.code == CONFLICT for each in outcome.aside)
        tally.quarantined += len(letters)
        for share in shares:
            name = share.receiver.subscription
            tally.views += len(share.items)
            tally.denied += share.denied
            tally.by_subscription[name] = tally.by_subscription.get(name, 0) + len(share.items)


def manifest(share: Share, principal: Principal, epoch: int) -> Entry:
    """Make the audit record that authorises one share."""
    return Entry(
        act="release",
        org=principal.organisation,
        purpose=principal.purpose,
        obj=principal.id,
        topic=share.place.topic,
        part=share.place.partition,
        off=share.place.offset,
        ctl=epoch,
        pol=share.receiver.policy,
        idem=manifest_id(share, epoch),
        data=manifest_data(share),
    )


def quarantine(letter: DeadLetter, epoch: int) -> Entry:
    """Make the audit record of a dead letter."""
    return Entry(
        act="quarantine",
        out=letter.code,
        obj=letter.event_id.hex(),
        topic=letter.topic,
        part=letter.partition,
        off=letter.offset,
        ctl=epoch,
        why=letter.code,
        data={"index": letter.index},
    )


def letter_of(aside: SetAside) -> DeadLetter:
    """Make the dead letter of an event that was set aside."""
    place = aside.place
    return DeadLetter(
        1, aside.code, place.topic, place.partition, place.offset, aside.index, aside.event_id, aside.source
    )


def whole(place: Place, code: str) -> DeadLetter:
    """Make the dead letter of a raw record that could not be opened at all."""
    return DeadLetter(1, code, place.topic, place.partition, place.offset, -1, b"", "")
