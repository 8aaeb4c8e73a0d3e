"""Release: what of a raw batch goes to whom.

A pure function of a batch, the receivers of the current control epoch and the ids already seen. For each event, in the
order of the batch:

1. an id seen before with the same payload is a *repeat* and goes nowhere; with another payload, or where a part of it
   cannot be opened or read, it is *set aside*: quarantined under a code, never dropped, and no harm to its neighbours;
2. each receiver decides and builds what it may have. What it gets is named in one manifest per raw record and receiver.

Nothing is delivered here. The runner makes the manifests durable first and then delivers in one transaction: delivered
is a subset of audited, whatever is killed when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.catalogue import Contracts
from schemas.contract import Contract
from schemas.errors import CasebusError
from security.audit.record import Data
from security.batch import Header, OpenedBatch, OpenedEvent
from security.labels import OPEN_LEVEL
from security.payload import KeyedDigest, payload_digest

DIGEST_LENGTH = 16
CONFLICT = "release.conflict"
"""The reason code of an event whose id was taken before with another payload."""


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
    repeats: int = 0
    fresh: int = 0


def release(
    batch: OpenedBatch,
    place: Place,
    receivers: Sequence[Receiver],
    contracts: Contracts,
    digest: KeyedDigest,
    seen: Callable[[bytes], bytes | None],
) -> Released:
    """Decide about every event of one raw record; `seen` answers id key → payload digest."""
    outcome = Released([Share(receiver, place) for receiver in receivers])
    for event in batch.events:
        header = event.header
        try:
            opened = OpenedClasses(event, contracts.by_id(header.schema_id))
            key, payload = identity(opened, digest)
        except CasebusError as error:
            outcome.aside.append(SetAside(place, event.position, header.id, header.source, error.code))
            continue
        known = outcome.seen.get(key) or seen(key)
        if known == payload:
            outcome.repeats += 1
        elif known is not None:
            outcome.aside.append(SetAside(place, event.position, header.id, header.source, CONFLICT))
        else:
            outcome.seen[key] = payload
            outcome.fresh += 1
            give_all(outcome, opened, event.position)
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
        share.masks.append((header.type, taken.fields))
        share.withheld += taken.withheld


def identity(opened: OpenedClasses, digest: KeyedDigest) -> tuple[bytes, bytes]:
    """Return (key of source and id, digest of what the event says), 16 bytes each."""
    header = opened.header
    return id_key(header, digest), payload_digest(digest, "release-payload", header, opened.flags, opened.blobs())


def id_key(header: Header, digest: KeyedDigest) -> bytes:
    """Return the key of source and id that an event is known by in release's memory, 16 bytes."""
    return digest("release-id", header.source.encode() + b"\0" + header.id)[:DIGEST_LENGTH]


MANIFEST_LISTS = ("events", "by")
"""The lists of a manifest that have one item an event: they are split together."""


def manifest_data(share: Share) -> Data:
    """Return the `data` of the manifest that authorises a share.

    `events` are ids; `by` gives for each event the index of its mask in `masks`: event type and the fields released.
    """
    masks = list(dict.fromkeys(share.masks))
    index = {mask: n for n, mask in enumerate(masks)}
    return {
        "by": [index[mask] for mask in share.masks],
        "denied": share.denied,
        "events": [header.id.hex() for header, _ in share.items],
        "masks": [[event_type, list(names)] for event_type, names in masks],
        "withheld": share.withheld,
    }


def manifest_id(share: Share, epoch: int) -> str:
    """Return the identity of a manifest: source position × subscription × control epoch."""
    place = share.place
    return f"{place.topic}/{place.partition}/{place.offset}/{share.receiver.subscription}/{epoch}"
