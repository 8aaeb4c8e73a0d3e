"""What release speaks of: an event on its way to the receivers, what each gets of a raw record, and what comes of it.

Values and their identities; who gets what is decided in `streams.release`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.contract import Contract
from security.batch import Header, OpenedEvent
from security.labels import OPEN_LEVEL
from security.payload import KeyedDigest
from streams.corrections import Told

DIGEST_LENGTH = 16

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


def id_key(header: Header, digest: KeyedDigest) -> bytes:
    """Return the key of source and id that an event is known by in release's memory, 16 bytes."""
    return key_of(header.source, header.id, digest)


def key_of(source: str, event_id: bytes, digest: KeyedDigest) -> bytes:
    """Return the key of an id of a source."""
    return digest("release-id", source.encode() + b"\0" + event_id)[:DIGEST_LENGTH]


def manifest_id(share: Share | Notices, epoch: int) -> str:
    """Return the identity of a manifest: source position × subscription × control epoch."""
    place = share.place
    return f"{place.topic}/{place.partition}/{place.offset}/{share.receiver.subscription}/{epoch}"
