"""Release: what of a raw batch goes to whom.

A pure function of a batch, the receivers of the current control epoch and the ids already seen. For each event, in the
order of the batch:

1. an id seen before with the same payload is a *repeat* and goes nowhere; with another payload it is a *conflict*: it
   is quarantined under a code, never dropped;
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
from security.batch import Header, OpenedBatch, OpenedEvent
from security.labels import OPEN_LEVEL

DIGEST_LENGTH = 16
CONFLICT = "release.conflict"
"""The reason code of an event whose id was taken before with another payload."""


class OpenedClasses:
    """One event on its way to the receivers: header, contract, flags, and its classes, each opened at most once."""

    __slots__ = ("_blobs", "_event", "_unit", "contract", "flags", "header")

    def __init__(self, event: OpenedEvent, contract: Contract) -> None:
        self.header: Header = event.header
        self.contract = contract
        self.flags: frozenset[str] = event.flags()
        self._event = event
        self._blobs: list[bytes | None] | None = None
        self._unit: str | None = None

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

    def blobs(self) -> list[bytes | None]:
        """Return the bytes of every class of the contract."""
        if self._blobs is None:
            self._blobs = self._event.open(range(len(self.contract.classes)))
        return self._blobs


@dataclass(frozen=True, slots=True)
class Taken:
    """What one receiver gets of one event: the bytes to deliver and how many fields were withheld."""

    payload: Any
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
    withheld: int = 0
    denied: int = 0


@dataclass(frozen=True, slots=True)
class Conflict:
    """An event whose id was taken before with another payload; `index` is its place in the batch."""

    place: Place
    index: int
    event_id: bytes
    source: str
    code: str = CONFLICT


@dataclass(slots=True)
class Released:
    """The outcome for one raw record."""

    shares: list[Share]
    seen: dict[bytes, bytes] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    repeats: int = 0
    fresh: int = 0


KeyedDigest = Callable[[str, bytes], bytes]
"""(use, data) → keyed digest: digests of payloads must not be guessable from a stolen state."""


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
        opened = OpenedClasses(event, contracts.by_id(event.header.schema_id))
        key, payload = identity(opened, digest)
        known = outcome.seen.get(key) or seen(key)
        if known is not None:
            if known == payload:
                outcome.repeats += 1
            else:
                header = event.header
                outcome.conflicts.append(Conflict(place, event.position, header.id, header.source))
            continue
        outcome.seen[key] = payload
        outcome.fresh += 1
        for share in outcome.shares:
            give(share, opened)
    return outcome


def give(share: Share, opened: OpenedClasses) -> None:
    """Let one receiver take its part of one event."""
    taken = share.receiver.take(opened)
    if taken is None:
        share.denied += 1
        return
    share.items.append((opened.header, taken.payload))
    share.withheld += taken.withheld


def identity(opened: OpenedClasses, digest: KeyedDigest) -> tuple[bytes, bytes]:
    """Return (key of source and id, digest of what the event says), 16 bytes each.

    The digest is over the content, not over the sealed bytes: the same event sent twice is sealed differently.
    """
    header = opened.header
    key = digest("release-id", header.source.encode() + b"\0" + header.id)[:DIGEST_LENGTH]
    said = b"\0".join(
        (
            header.type.encode(),
            header.subject.encode(),
            header.district.encode(),
            header.occurred_at.to_bytes(8, "big", signed=True),
            header.supersedes or b"",
            ",".join(sorted(opened.flags)).encode(),
            b"".join(blob or b"" for blob in opened.blobs()),
        )
    )
    return key, digest("release-payload", said)[:DIGEST_LENGTH]


def manifest_data(share: Share) -> dict[str, Any]:
    """Return the `data` of the manifest that authorises a share: which events, how much was withheld or denied."""
    return {
        "denied": share.denied,
        "events": [header.id.hex() for header, _ in share.items],
        "withheld": share.withheld,
    }


def manifest_id(share: Share, epoch: int) -> str:
    """Return the identity of a manifest: source position × subscription × control epoch."""
    place = share.place
    return f"{place.topic}/{place.partition}/{place.offset}/{share.receiver.subscription}/{epoch}"
