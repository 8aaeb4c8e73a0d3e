"""The receivers of release: how each kind of subscription takes its part of an event.

The supervision engine gets facts with exactly the fields of the active models; the panorama gets a row with everything
it may hold sealed; an agency gets a view. All three decide by the same tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.correction import withdrawing
from schemas.event import version8
from security.batch import Header
from security.labels import RESTRICTED, Label
from security.policy.guards import guards_of
from security.policy.table import Decision, DecisionTable
from security.sealing import Sealer
from security.subjects import Principal
from streams import panorama, work
from streams.bus.port import Record
from streams.corrections import Told
from streams.panorama import EventRow
from streams.released import Notices, OpenedClasses, Shape, Share, Taken
from streams.supervision.fact import Fact

PANORAMA_LABEL = Label(RESTRICTED)
"""The panorama seals every class of an event together: the detail carries the highest level."""


WORK_LABEL = Label(RESTRICTED)
"""A work batch is sealed whole, as what the highest flag of an event could make of it."""


REMEMBERED = 65_536
"""Decisions kept by (contract, flags, district, unit, expired, held): all that a decision about an event depends on."""


Headers = tuple[tuple[str, bytes], ...]


@dataclass
class Deciding(ABC):
    """What every receiver has: a principal, its table, and a hold that a breaker or an officer may set."""

    table: DecisionTable
    sealer: Sealer
    held: bool = False
    _decided: dict[tuple[Shape, bool, bool], Decision] = field(default_factory=dict)

    @property
    def principal(self) -> Principal:
        """Who receives."""
        return self.table.principal

    @property
    def policy(self) -> str:
        """The digest of the policy it decides by, hex."""
        return self.table.digest

    @property
    def topic(self) -> str:
        """The topic its share is delivered on."""
        return f"casebus.view.{self.subscription}"

    @abstractmethod
    def take(self, event: OpenedClasses) -> Taken | None:
        """Decide about one event; None where nothing of it may leave."""

    @abstractmethod
    def tell(self, told: Told, event: OpenedClasses) -> Any:
        """Make what says that an event no longer stands: its id, and no content that this receiver lacks."""

    @abstractmethod
    def records(self, share: Share | Notices, headers: Headers) -> list[Record]:
        """Make the bus records of a share, or of notices; `headers` name its manifest."""

    def notice_id(self, told: Told) -> bytes:
        """Return the id of a notice: it derives from the correction's, and does not tell it."""
        digest = self.sealer.keyed_digest(f"notice/{self.subscription}", told.original + told.because)
        return version8(digest[:16])

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        return self.principal.id

    def decide(self, event: OpenedClasses) -> Decision:
        """Decide about one event.

        Expiry is measured by when the gateway took the event, not by when it is released: a decision is a function of
        the event and the control epoch, so that a replay decides alike.
        """
        header, principal = event.header, self.table.principal
        expired = principal.expires_at is not None and header.recorded_at >= principal.expires_at
        shape = (event.shape, expired, self.held)
        found = self._decided.get(shape)
        if found is None:
            guards = guards_of(
                principal, district=header.district, now_us=header.recorded_at, unit=event.unit, hold=self.held
            )
            found = self.table.masks(event.contract, event.flags, guards)
            if len(self._decided) >= REMEMBERED:
                self._decided.clear()
            self._decided[shape] = found
        return found


@dataclass
class EngineReceiver(Deciding):
    """The supervision engine: facts with the union of the active models' fields.

    `keys` names per event type the fields that models fold by: they lead to where an event that no longer stands lies.
    """

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def take(self, event: OpenedClasses) -> Taken | None:
        """Take a fact, if a model asks for this type."""
        decision = self.decide(event)
        if not decision.visible:
            return None
        names = decision.fields
        data = event.contract.codec.project(names)(event.blobs()) if names else {}
        asked = self.principal.fields.get(event.header.type, frozenset())
        return Taken(fact(event.header, data), names, len(asked) - len(names))

    def tell(self, told: Told, event: OpenedClasses) -> Fact:
        """Make the fact that takes an event back, with the fields of its key, which the engine holds already."""
        names = self.keys.get(event.header.type, ())
        data = event.contract.codec.project(names)(event.blobs()) if names else {}
        taken = fact(event.header, data)
        return msgspec.structs.replace(taken, id=self.notice_id(told), supersedes=withdrawing(told.original))

    @property
    def topic(self) -> str:
        """The engine's own topic."""
        return work.TOPIC

    def records(self, share: Share | Notices, headers: Headers) -> list[Record]:
        """Seal the facts of one raw record as one work record."""
        key = f"{share.place.topic}/{share.place.partition}/{share.place.offset}".encode()
        item = work.FactBatch(payloads(share))
        return [Record(key, seal_work(self.sealer, key, item), headers)]


def seal_work(sealer: Sealer, key: bytes, item: work.WorkItem) -> bytes:
    """Seal a work item whole, bound to its key."""
    return sealer.seal(sealer.name("work", WORK_LABEL), work.work_ad(key), work.encode(item))


def fact(header: Header, data: dict[str, Any]) -> Fact:
    """Make the engine's fact of an event's header and its released fields."""
    return Fact(
        header.id,
        header.type,
        header.source,
        header.sequence,
        header.occurred_at,
        header.recorded_at,
        header.district,
        header.subject,
        data,
        header.supersedes,
    )


@dataclass
class PanoramaReceiver(Deciding):
    """The node's own read model: one row an event, sealed but for its level 1 and 2 columns."""

    def take(self, event: OpenedClasses) -> Taken | None:
        """Take a row; the detail is opened later, per request, after a decision for the person who asks."""
        decision = self.decide(event)
        if not decision.visible:
            return None
        blobs = [blob if allowed else None for blob, allowed in zip(event.blobs(), decision.classes, strict=True)]
        row = self._row(event, event.header.id, event.header.supersedes, blobs)
        return Taken(row, decision.fields, len(decision.withheld))

    def tell(self, told: Told, event: OpenedClasses) -> bytes:
        """Make a row without values that takes an event back."""
        return self._row(event, self.notice_id(told), withdrawing(told.original), [None] * len(event.contract.classes))

    def _row(
        self, event: OpenedClasses, row_id: bytes, supersedes: bytes | None, blobs: Sequence[bytes | None]
    ) -> bytes:
        header = event.header
        detail = self.sealer.seal(
            self.sealer.name("panorama", PANORAMA_LABEL),
            panorama.panorama_ad(row_id),
            panorama.encode_detail(event.flags, blobs),
        )
        row = EventRow(
            row_id,
            header.type,
            header.schema_id,
            header.source,
            header.district,
            event.unit,
            header.subject,
            header.occurred_at,
            header.recorded_at,
            header.level,
            supersedes,
            detail,
        )
        return panorama.encode(row)

    @property
    def topic(self) -> str:
        """The panorama's topic."""
        return panorama.TOPIC

    def records(self, share: Share | Notices, headers: Headers) -> list[Record]:
        """Make one record an event, keyed by its id; a notice by the id of what no longer stands."""
        if isinstance(share, Notices):
            pairs = zip(share.told, share.payloads, strict=True)
            return [Record(told.original, payload, headers) for told, payload in pairs]
        return [Record(header.id, payload, headers) for header, payload in share.items]


def payloads(share: Share | Notices) -> tuple[Any, ...]:
    """Return what is to be delivered, in order."""
    return tuple(share.payloads if isinstance(share, Notices) else (payload for _, payload in share.items))
