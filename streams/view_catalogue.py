"""The view schemas that were ever in use, durable on `casebus.schemas`: what a view's schema id means.

A schema stands here before the first view of it leaves, and stays when the subscription changes or ends: whoever kept
old views reads them for ever. Value: canonical JSON `{v, organisation, subscription, type, version, schema}`; key:
subscription and id, so that the topic may be compacted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.catalogue import Contracts
from schemas.errors import IntegrityError
from security.policy.mask import static_mask
from security.view_schema import ViewRegistry, ViewSchema, view_schema
from streams.bus.port import Bus, Record
from streams.receivers import Deciding
from streams.view_topic import ViewReceiver

TOPIC: Final = "casebus.schemas"
PARTITION: Final = 0
PAGE: Final = 1024
VERSION: Final = 1


class ViewRecordError(IntegrityError):
    """A record of `casebus.schemas` that this code cannot read."""

    code = "sealing.view_record"


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    organisation: str
    subscription: str
    type: str
    version: int
    schema: dict[str, Any]


@dataclass(frozen=True)
class KnownView:
    """One view schema of one subscription; `type` and `version` are its contract's."""

    organisation: str
    subscription: str
    type: str
    version: int
    schema: ViewSchema


_decode = msgspec.json.Decoder(_Stored).decode


class ViewCatalogue:
    """Reads and extends the topic; one writer. Reading it is safe for many threads."""

    def __init__(self, bus: Bus, registry: ViewRegistry) -> None:
        """Read what is known into `registry`.

        Raises:
            ViewRecordError: a record cannot be read. ViewCollisionError: two schemas have one id.
        """
        self._bus = bus
        self._registry = registry
        self._known: dict[tuple[str, int], KnownView] = {}
        self._next = 0
        self._lock = threading.Lock()
        self.follow()

    def follow(self) -> None:
        """Take in what was appended since."""
        with self._lock:
            while stored := self._bus.read(TOPIC, PARTITION, self._next, PAGE):
                found = dict(self._known)
                for record in stored:
                    view = _view(record.value)
                    self._registry.register(view.schema)
                    found.setdefault((view.subscription, view.schema.id), view)
                self._known, self._next = found, stored[-1].offset + 1

    def all(self) -> tuple[KnownView, ...]:
        """Return every schema of every subscription, in the order in which they came into use."""
        return tuple(self._known.values())

    def keep(self, receivers: Iterable[Deciding], contracts: Contracts) -> int:
        """Make the schemas of these receivers durable; return how many were new."""
        new = [
            view
            for receiver in receivers
            if isinstance(receiver, ViewReceiver)
            for view in views_of(receiver, contracts)
            if (view.subscription, view.schema.id) not in self._known
        ]
        if new:
            for view in new:
                self._registry.register(view.schema)  # a collision is refused before anything is written
            self._bus.append(TOPIC, PARTITION, [_record(view) for view in new])
            self.follow()
        return len(new)


def views_of(receiver: ViewReceiver, contracts: Contracts) -> list[KnownView]:
    """Return the schemas of what a receiver may get: one for each version of each of its types that gives anything."""
    principal, found = receiver.principal, []
    for contract in contracts.all():
        if contract.type not in principal.event_types:
            continue
        mask = static_mask(receiver.table, contract)
        if any(mask.given):
            schema = view_schema(contract, mask)
            found.append(KnownView(principal.organisation, principal.id, contract.type, contract.version, schema))
    return found


def _record(view: KnownView) -> Record:
    body = _Stored(VERSION, view.organisation, view.subscription, view.type, view.version, view.schema.schema)
    return Record(f"{view.subscription}/{view.schema.id}".encode(), msgspec.json.encode(body, order="deterministic"))


def _view(raw: bytes) -> KnownView:
    try:
        body = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ViewRecordError from None
    if body.v != VERSION:
        raise ViewRecordError
    return KnownView(body.organisation, body.subscription, body.type, body.version, ViewSchema(body.schema))
