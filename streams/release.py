"""Release: what of a raw batch goes to whom.

A pure function of a batch, the receivers of the current control epoch and the ids already seen. For each event, in the
order of the batch:

1. an id seen before with the same payload is a *repeat* and goes nowhere; with another payload, or where a part of it
   cannot be opened or read, it is *set aside*: quarantined under a code, never dropped, and no harm to its neighbours;
2. each receiver decides and builds what it may have. What it gets is named in one manifest per raw record and receiver;
3. what corrects or withdraws an earlier event reaches everyone who was given that one: those who may have the
   correction get it, the others are *told* that the original no longer stands, by its id and nothing else.

Nothing is delivered here. The runner makes the manifests durable first and then delivers in one transaction: delivered
is a subset of audited, whatever is killed when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.catalogue import Contracts
from schemas.contract import Contract
from schemas.correction import corrected
from schemas.errors import CasebusError
from security.audit.record import Data
from security.batch import Header, OpenedBatch, OpenedEvent
from security.labels import OPEN_LEVEL
from security.payload import KeyedDigest, payload_digest
from streams.corrections import (
    WITHDRAWN,
    Find,
    Seen,
    Told,
    await_original,
    awaited,
    given_key,
    holders,
    kind_of,
    pack_given,
    payload_of,
    read_seen,
    seen,
    type_sum,
)

DIGEST_LENGTH = 16
CONFLICT = "release.conflict"
"""The reason code of an event whose id was taken before with another payload."""
OTHER_TYPE = "release.corrects_other_type"
"""The reason code of a correction of an event of another type."""


Shape = tuple[bytes, frozenset[str], str, str]
"""Contract digest, flags, district and unit of an event."""


class OpenedClasses:
    """One event on its way to the receivers: header, contract, flags, and its classes, each opened at most once."""

    __slots__ = ("_blobs", "_event", "_shape", "_unit", "contract", "flags", "header")

    def __init__(self, event: OpenedEvent, contract: Contract) -> None:
        self.header: Header = event.header
        self.contract = contract
        self.flags: frozenset[str] = event.flags()
        self._event = event
        self._blobs: list[bytes | None] | None = None
        self._unit: str | None = None
        self._shape: Shape | None = None

    @property
    def unit(self) -> str:
        """The unit the event is about, where the contract has it at an open level; else empty."""
        if self._unit is None:
            unit = self.contract.by_name.get("unit")
            if unit is None or unit.level > OPEN_LEVEL:
                self._unit = ""
            else:
                self._unit = str(self.contract.codec.project(("unit",))(self.blobs())["unit"] or "")
        return self._unit

    @property
    def shape(self) -> Shape:
        """All of the event that a decision about it depends on, short of its time: every receiver asks for it."""
        if self._shape is None:
            self._shape = (self.contract.digest, self.flags, self.header.district, self.unit)
        return self._shape

    def blobs(self) -> list[bytes | None]:
        """Return the bytes of every class of the contract."""
        if self._blobs is None:
            self._blobs = self._event.open(range(len(self.contract.classes)))
        return self._blobs


@dataclass(frozen=True, slots=True)
class Taken:
    """What one receiver gets of one event: what to deliver, the names of its fields, how many were withheld."""

    payload: Any
    fields: tuple[str, ...] = ()
    withheld: int = 0


class Receiver(Protocol):
    """One subscription, ready to decide: its table, its view and its topic."""

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        ...

    @property
    def policy(self) -> str:
        """The digest of the policy it decides by, hex."""
        ...

    def take(self, event: OpenedClasses) -> Taken | None:
        """Decide about one event; None where nothing of it may leave, not even that it exists."""
        ...

    def tell(self, told: Told, event: OpenedClasses) -> Any:
        """Make what says that an event this receiver holds no longer stands, and says nothing else.

        `event` is the correction, which this receiver was not given, or the original where that came later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a raw record stands; the identity of everything that comes of it."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class Share:
    """What one receiver gets of one raw record."""

    receiver: Receiver
    place: Place
    items: list[tuple[Header, Any]] = field(default_factory=list)
    masks: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    withheld: int = 0
    denied: int = 0
    places: list[int] = field(default_factory=list)
    corrects: dict[int, Told] = field(default_factory=dict)
    """Place in `items` → the event that this one corrects, where this receiver holds it."""


@dataclass(slots=True)
class Notices:
    """What one receiver is told, with one raw record, of events it holds that no longer stand."""

    receiver: Receiver
    place: Place
    told: list[Told] = field(default_factory=list)
    payloads: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event that cannot go on; `index` is its place in the batch, `code` says why."""

    place: Place
    index: int
    event_id: bytes
    source: str
    code: str


@dataclass(slots=True)
class Released:
    """The outcome for one raw record."""

    shares: list[Share]
    seen: dict[bytes, bytes] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)
    notices: dict[str, Notices] = field(default_factory=dict)
    gone: list[tuple[str, Told]] = field(default_factory=list)
    """Who should be told and is no receiver any more."""
    repeats: int = 0
    fresh: int = 0


def release(
    batch: OpenedBatch,
    place: Place,
    receivers: Sequence[Receiver],
    contracts: Contracts,
    digest: KeyedDigest,
    find: Find,
    epoch: int = 0,
) -> Released:
    """Decide about every event of one raw record; `find` answers what release remembers (`streams.corrections`)."""
    outcome = Released([Share(receiver, place) for receiver in receivers])
    correcting = Correcting(outcome, place, digest, find, epoch)
    for event in batch.events:
        header = event.header
        try:
            opened = OpenedClasses(event, contracts.by_id(header.schema_id))
            key, payload = identity(opened, digest)
        except CasebusError as error:
            outcome.aside.append(SetAside(place, event.position, header.id, header.source, error.code))
            continue
        stored = outcome.seen.get(key) or find(key)
        known = payload_of(stored)
        if known == payload:
            outcome.repeats += 1
            continue
        code = CONFLICT if known is not None else correcting.refusal(opened)
        if code:
            outcome.aside.append(SetAside(place, event.position, header.id, header.source, code))
            continue
        outcome.seen[key] = seen(payload, place.offset, event.position, header.type, header.recorded_at).pack()
        outcome.fresh += 1
        give_all(outcome, opened, event.position)
        correcting.follow(opened, event.position, stored)
    given = [(s.receiver.subscription, manifest_id(s, epoch), s.places) for s in outcome.shares if s.items]
    if given:
        outcome.seen[given_key(place.topic, place.partition, place.offset)] = pack_given(given)
    return outcome


def give_all(outcome: Released, opened: OpenedClasses, index: int) -> None:
    """Let every receiver take its part; one that cannot build it gets nothing and leaves a trace, the others theirs."""
    header = opened.header
    for share in outcome.shares:
        try:
            taken = share.receiver.take(opened)
        except CasebusError as error:
            share.denied += 1
            outcome.aside.append(SetAside(share.place, index, header.id, header.source, error.code))
            continue
        if taken is None:
            share.denied += 1
            continue
        share.items.append((header, taken.payload))
        share.places.append(index)
        share.masks.append((header.type, taken.fields))
        share.withheld += taken.withheld


class Correcting:
    """Carries the corrections of one raw record to those who hold the originals.

    Ids are known by their source, so that nobody corrects what another said: such a reference finds nothing.
    """

    def __init__(self, outcome: Released, place: Place, digest: KeyedDigest, find: Find, epoch: int) -> None:
        self._outcome, self._place, self._digest, self._find, self._epoch = outcome, place, digest, find, epoch

    def _value(self, source: str, event_id: bytes) -> bytes | None:
        key = key_of(source, event_id, self._digest)
        return self._outcome.seen.get(key) or self._find(key)

    def refusal(self, opened: OpenedClasses) -> str:
        """Return the code that refuses a correction of an event of another type; empty where nothing is wrong."""
        header = opened.header
        if header.supersedes is None:
            return ""
        known = read_seen(self._value(header.source, corrected(header.supersedes)))
        return OTHER_TYPE if known is not None and known.type_sum != type_sum(header.type) else ""

    def follow(self, opened: OpenedClasses, index: int, stored: bytes | None) -> None:
        """Tell of what this event corrects; and, where corrections of it came first, tell of itself."""
        header = opened.header
        if header.supersedes is not None:
            self._corrects(opened, header.supersedes)
        for because, kind in awaited(stored):
            said = read_seen(self._value(header.source, because))
            aware = self._holders(said) if said is not None else {}
            for subscription, manifest in self._taken(index).items():
                if subscription not in aware or kind == WITHDRAWN:
                    self._tell(subscription, Told(header.id, because, kind, manifest), opened)

    def _corrects(self, opened: OpenedClasses, reference: bytes) -> None:
        header, original = opened.header, corrected(reference)
        value = self._value(header.source, original)
        known = read_seen(value)
        if known is None:
            if payload_of(value) is None:
                key = key_of(header.source, original, self._digest)
                self._outcome.seen[key] = await_original(value, header.id, reference)
            return
        got = {share.receiver.subscription: share for share in self._outcome.shares if header in last_of(share)}
        for subscription, manifest in self._holders(known).items():
            told = Told(original, header.id, kind_of(reference), manifest)
            if subscription in got:
                share = got[subscription]
                share.corrects[len(share.items) - 1] = told
            else:
                self._tell(subscription, told, opened)

    def _holders(self, known: Seen) -> dict[str, str]:
        place = self._place
        if known.offset == place.offset:
            return self._taken(known.position)
        return holders(self._find, place.topic, place.partition, known)

    def _taken(self, index: int) -> dict[str, str]:
        """Return who took an event of this very record."""
        shares = (share for share in self._outcome.shares if index in share.places)
        return {share.receiver.subscription: manifest_id(share, self._epoch) for share in shares}

    def _tell(self, subscription: str, told: Told, opened: OpenedClasses) -> None:
        receiver = next((s.receiver for s in self._outcome.shares if s.receiver.subscription == subscription), None)
        if receiver is None:
            self._outcome.gone.append((subscription, told))
            return
        notices = self._outcome.notices.setdefault(subscription, Notices(receiver, self._place))
        notices.told.append(told)
        notices.payloads.append(receiver.tell(told, opened))


def last_of(share: Share) -> tuple[Header, ...]:
    """Return the header of what a share took last."""
    return (share.items[-1][0],) if share.items else ()


def identity(opened: OpenedClasses, digest: KeyedDigest) -> tuple[bytes, bytes]:
    """Return (key of source and id, digest of what the event says), 16 bytes each."""
    header = opened.header
    return id_key(header, digest), payload_digest(digest, "release-payload", header, opened.flags, opened.blobs())


def id_key(header: Header, digest: KeyedDigest) -> bytes:
    """Return the key of source and id that an event is known by in release's memory, 16 bytes."""
    return key_of(header.source, header.id, digest)


def key_of(source: str, event_id: bytes, digest: KeyedDigest) -> bytes:
    """Return the key of an id of a source."""
    return digest("release-id", source.encode() + b"\0" + event_id)[:DIGEST_LENGTH]


MANIFEST_LISTS = ("events", "by", "corrects", "originals", "because", "kinds")
"""The lists of a manifest that have one item an event: they are split together, those of them that are there."""


def manifest_data(share: Share) -> Data:
    """Return the `data` of the manifest that authorises a share.

    `events` are ids; `by` gives for each event the index of its mask in `masks`: event type and the fields released.
    Where any of them corrects an event that this receiver holds, `corrects` names that event, and `originals` the
    manifest that gave it; both are empty for the others.
    """
    masks = list(dict.fromkeys(share.masks))
    index = {mask: n for n, mask in enumerate(masks)}
    data: Data = {
        "by": [index[mask] for mask in share.masks],
        "denied": share.denied,
        "events": [header.id.hex() for header, _ in share.items],
        "masks": [[event_type, list(names)] for event_type, names in masks],
        "withheld": share.withheld,
    }
    if share.corrects:
        links = [share.corrects.get(n) for n in range(len(share.items))]
        data["corrects"] = [told.original.hex() if told else "" for told in links]
        data["originals"] = [told.release if told else "" for told in links]
    return data


def notice_data(told: Sequence[Told]) -> Data:
    """Return the `data` of the record that authorises notices, or says that nobody can be given them.

    `events` are the ids that no longer stand, `kinds` says in which way, `because` names what says so, `originals` the
    manifests that gave them.
    """
    return {
        "because": [each.because.hex() for each in told],
        "events": [each.original.hex() for each in told],
        "kinds": [each.kind for each in told],
        "originals": [each.release for each in told],
    }


def manifest_id(share: Share | Notices, epoch: int) -> str:
    """Return the identity of a manifest: source position × subscription × control epoch."""
    place = share.place
    return f"{place.topic}/{place.partition}/{place.offset}/{share.receiver.subscription}/{epoch}"
