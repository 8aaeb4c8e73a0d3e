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
from security.audit.manifest import is_small, split_manifest
from security.audit.port import Log
from security.audit.record import Entry
from security.batch import OpenedBatch, unpack
from security.sealing import Sealer
from security.subjects import Principal
from streams.bus.port import Bus, Record, Stored, Transaction
from streams.receivers import Deciding
from streams.release import CONFLICT, MANIFEST_LISTS, manifest_data, notice_data, release
from streams.released import Notices, Place, Released, SetAside, Share, id_key, manifest_id

GROUP = "release"
SEEN = "release.seen"
RAW = "casebus.raw."
DEAD_LETTERS = "casebus.dlq"
BATCHES = 8
"""Raw records that are read at a time."""
TOPIC_RECORDS, STEP_BYTES = 64, 512 << 10
"""What one audit group and one transaction serve: so many records of a topic, and topics until there is so much.

Single posts are small records by many: what a step costs by itself is shared by all that are there. Batches are a few
large ones: they go by themselves, so that no transaction keeps the door waiting for long.
"""
PARTITION = 0
UNREACHABLE = "release.unreachable"
"""The reason code of a notice for a subscription that has ended."""
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
    notices: int = 0
    by_subscription: dict[str, int] = field(default_factory=dict)


@dataclass
class Releasing:
    """Takes raw records to the subscriptions; one thread drives it.

    `gate` raises UnavailableError where nothing may be released now: the step is then tried again later.
    """

    bus: Bus
    audit: Log
    sealer: Sealer
    contracts: Contracts
    receivers: Callable[[], Sequence[Deciding]]
    epoch: Callable[[], int]
    node: str
    gate: Callable[[], None] = lambda: None
    tally: Tally = field(default_factory=Tally)

    def step(self, topics: Sequence[str]) -> int:
        """Release what stands next in each of these raw topics; return how many records there were."""
        count, size = 0, 0
        group: list[tuple[str, Stored]] = []
        for topic in topics:
            records = self._next(topic)
            group += [(topic, record) for record in records]
            size += sum(len(record.value) for record in records)
            if size >= STEP_BYTES or (group and topic == topics[-1]):
                self._step(group)
                count, size, group = count + len(group), 0, []
        return count

    def _step(self, stored: Sequence[tuple[str, Stored]]) -> None:
        """Release records of one or several raw topics together."""
        self.gate()
        epoch, receivers = self.epoch(), self.receivers()
        seen: dict[bytes, bytes] = {}
        outcomes: list[Released] = []
        letters: list[DeadLetter] = []
        for topic, record in stored:
            place = Place(topic, PARTITION, record.offset)
            batch, refused = self._open(record, place)
            if batch is None:
                letters.append(refused)
                continue
            outcome = self._release(batch, place, receivers, seen, epoch)
            seen.update(outcome.seen)
            outcomes.append(outcome)
            letters += [letter_of(each) for each in outcome.aside]
        shares = [share for outcome in outcomes for share in parts_of(outcome)]
        gone = [unreachable(outcome, epoch) for outcome in outcomes]
        by_id = {receiver.subscription: receiver for receiver in receivers}
        leaves = self._authorise(shares, letters, by_id, epoch, [entry for entries in gone for entry in entries])
        made = self._made(shares, leaves, by_id)
        with self.bus.transaction() as change:
            _deliver(change, made)
            for key, digest in seen.items():
                change.put(SEEN, key, digest)
            change.append(DEAD_LETTERS, PARTITION, [Record(b.event_id, msgspec.msgpack.encode(b)) for b in letters])
            for topic, record in stored:
                change.advance(GROUP, topic, PARTITION, record.offset + 1)
        self._count(outcomes, shares, letters)

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
            epoch = self.epoch()
            shares: list[Share | Notices] = []
            for record in stored:
                place = Place(topic, PARTITION, record.offset)
                batch, _ = self._open(record, place)
                if batch is None:
                    continue
                outcome = release(batch, place, receivers, self.contracts, self.sealer.keyed_digest, seen.get, epoch)
                seen.update(outcome.seen)
                shares += parts_of(outcome)
            leaves = self._authorise(shares, (), by_id, epoch)
            made = self._made(shares, leaves, by_id)
            with self.bus.transaction() as change:
                _deliver(change, made)

    def _next(self, topic: str) -> list[Stored]:
        position = self.bus.position(GROUP, topic, PARTITION)
        taken: list[Stored] = []
        size = 0
        while len(taken) < TOPIC_RECORDS and size < STEP_BYTES:
            some = self.bus.read(topic, PARTITION, position, BATCHES)
            if not some:
                break
            taken += some
            size += sum(len(record.value) for record in some)
            position = some[-1].offset + 1
        return taken

    def _open(self, record: Stored, place: Place) -> tuple[OpenedBatch | None, DeadLetter]:
        try:
            return unpack(record.value, self.sealer), whole(place, "")
        except CasebusError as error:
            return None, whole(place, error.code)

    def _release(
        self,
        batch: OpenedBatch,
        place: Place,
        receivers: Sequence[Deciding],
        fresh: Mapping[bytes, bytes],
        epoch: int,
    ) -> Released:
        digest = self.sealer.keyed_digest
        asked = [id_key(header, digest) for header in batch.headers]
        # One query for the whole batch; only a correction asks for more.
        known = dict.fromkeys(asked) | self.bus.get_many(SEEN, asked)

        def find(key: bytes) -> bytes | None:
            return fresh.get(key) or (known[key] if key in known else self.bus.get(SEEN, key))

        return release(batch, place, receivers, self.contracts, digest, find, epoch)

    def _authorise(
        self,
        shares: Sequence[Share | Notices],
        letters: Sequence[DeadLetter],
        by_id: Mapping[str, Deciding],
        epoch: int,
        gone: Sequence[Entry] = (),
    ) -> list[int]:
        """Make the manifests durable; return the number of the first part of each share's manifest."""
        entries: list[Entry] = []
        starts: list[int] = []
        for share in shares:
            starts.append(len(entries))
            principal = by_id[share.receiver.subscription].principal
            entries += manifest_parts(share, principal, epoch)
        entries += [quarantine(letter, epoch) for letter in letters]
        entries += gone
        if not entries:
            return []
        first = self.audit.append(entries).first
        return [first + start for start in starts]

    def _made(
        self, shares: Sequence[Share | Notices], leaves: Sequence[int], by_id: Mapping[str, Deciding]
    ) -> list[tuple[str, list[Record]]]:
        """Make what is delivered, sealed, before the transaction begins: in it the door would wait."""
        made: list[tuple[str, list[Record]]] = []
        for share, leaf in zip(shares, leaves, strict=True):
            if isinstance(share, Notices) or share.items:
                receiver = by_id[share.receiver.subscription]
                headers = ((MANIFEST, f"{self.node}/{leaf}".encode()),)
                made.append((receiver.topic, receiver.records(share, headers)))
        return made

    def _count(
        self, outcomes: Sequence[Released], shares: Sequence[Share | Notices], letters: Sequence[DeadLetter]
    ) -> None:
        tally = self.tally
        for outcome in outcomes:
            tally.events += outcome.fresh
            tally.repeats += outcome.repeats
            tally.conflicts += sum(each.code == CONFLICT for each in outcome.aside)
        tally.quarantined += len(letters)
        for share in shares:
            name = share.receiver.subscription
            if isinstance(share, Notices):
                tally.notices += len(share.told)
                continue
            tally.views += len(share.items)
            tally.denied += share.denied
            tally.by_subscription[name] = tally.by_subscription.get(name, 0) + len(share.items)


def _deliver(change: Transaction, made: Sequence[tuple[str, list[Record]]]) -> None:
    for topic, records in made:
        change.append(topic, PARTITION, records)


def parts_of(outcome: Released) -> list[Share | Notices]:
    """Return what of an outcome stands in a manifest: shares, and what receivers are told."""
    return [*(share for share in outcome.shares if share.items or share.denied), *outcome.notices.values()]


def manifest_parts(share: Share | Notices, principal: Principal, epoch: int) -> list[Entry]:
    """Return the audit records that authorise one share, or notices."""
    entry = manifest(share, principal, epoch)
    if is_small(entry):
        return [entry]
    return split_manifest(entry, [name for name in MANIFEST_LISTS if name in entry.data])


def manifest(share: Share | Notices, principal: Principal, epoch: int) -> Entry:
    """Make the audit record that authorises one share, or notices."""
    told = isinstance(share, Notices)
    return Entry(
        act="withdraw" if told else "release",
        org=principal.organisation,
        purpose=principal.purpose,
        obj=principal.id,
        topic=share.place.topic,
        part=share.place.partition,
        off=share.place.offset,
        ctl=epoch,
        pol=share.receiver.policy,
        idem=manifest_id(share, epoch) + ("/told" if told else ""),
        data=notice_data(share.told) if isinstance(share, Notices) else manifest_data(share),
    )


def unreachable(outcome: Released, epoch: int) -> list[Entry]:
    """Make the audit records of receivers that should be told and are none any more."""
    return [
        Entry(
            act="withdraw",
            out=UNREACHABLE,
            obj=subscription,
            ctl=epoch,
            why=UNREACHABLE,
            data=notice_data([told]),
        )
        for subscription, told in outcome.gone
    ]


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
