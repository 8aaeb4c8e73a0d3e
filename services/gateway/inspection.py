"""Inspection: what one event says, or everything that is wrong with it. Pure: nothing is kept, nothing is answered.

An event that its publisher may not send, whose level is above the ceiling, or that is no event at all is *refused*:
nothing of it is kept. Data that is wrong in an event its publisher may send is *quarantined*: kept sealed under its
label, to be looked at and sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas import cloudevents
from schemas.catalogue import Contracts
from schemas.clock import SECOND
from schemas.codec.errors import UnencodableError
from schemas.contract import Contract
from schemas.contract_errors import UnknownTypeError
from schemas.event import Event
from schemas.faults import EventRefusedError, Fault
from security.batch import Prepared
from security.labels import BOTTOM, Label, effective, join
from services.gateway.identity import NUMBER, PERSON, with_person
from services.gateway.outcome import Status
from services.gateway.source import Source

TOLERANCE: Final = 300 * SECOND
"""How far a publisher's clock may run ahead of the gateway's."""

MALFORMED: Final = "gateway.malformed"
OTHER_SOURCE: Final = "gateway.other_source"
TYPE_NOT_REGISTERED: Final = "gateway.type_not_registered"
DISTRICT_NOT_REGISTERED: Final = "gateway.district_not_registered"
ABOVE_CEILING: Final = "gateway.above_ceiling"
FUTURE: Final = "gateway.future"
UNKNOWN_TYPE: Final = "gateway.unknown_type"
INVALID: Final = "gateway.invalid"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that cannot pass: how it ends, why, what it is where that could be read, and the label it carries."""

    status: Status
    code: str
    faults: tuple[Fault, ...] = ()
    event: Event | None = None
    label: Label = BOTTOM


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for an event whose bytes could not even be read as JSON, or are beyond a limit."""

    code: str
    limit: int = 0


class Inspector:
    """Inspects events; `ceiling` is the node's own, `tolerance` in microseconds."""

    def __init__(
        self, contracts: Contracts, person_key: Callable[[str], bytes], ceiling: int, tolerance: int = TOLERANCE
    ) -> None:
        self.contracts = contracts
        self._person_key = person_key
        self._ceiling = ceiling
        self._tolerance = tolerance
        self._labels: dict[tuple[int, frozenset[str]], Label] = {}

    def inspect(self, said: Any, publisher: Source, now: int) -> Prepared | Rejected:
        """Return the event ready to be packed, recorded by the gateway's clock, or why it cannot pass."""
        if isinstance(said, Unreadable):
            return Rejected(Status.REFUSED, said.code, (Fault.of("$", said.code, limit=said.limit),))
        if isinstance(said, Mapping) and self.for_vault(said.get("type")):
            said = with_person(said)
        try:
            event = cloudevents.read(said, self.contracts, person_key=self._person_key, taken_at=now)
        except EventRefusedError as error:
            return self._faulty(said, publisher, now, error.faults)
        contract = self.contracts.by_type(event.type)
        rejected = self._forbidden(event, contract, publisher, now, said.get("level"))
        if rejected:
            return rejected
        if contract.vault and event.data[PERSON] != self._person_key(event.data[NUMBER]):
            fault = Fault.of(f"$.data.{PERSON}", "event.vault_person")
            return Rejected(Status.REFUSED, INVALID, (fault,), event, self.label(contract, event.flags))
        try:
            blobs = contract.codec.encode_classes(event.data)
        except UnencodableError as error:
            fault = Fault.of(f"$.data.{error.fields['field']}", "event.kind", expected="-")
            return Rejected(Status.QUARANTINED, INVALID, (fault,), event, self.label(contract, event.flags))
        return Prepared(event, contract, blobs)

    def for_vault(self, event_type: Any) -> bool:
        """Tell whether events of a type name persons in clear."""
        try:
            return isinstance(event_type, str) and self.contracts.by_type(event_type).vault
        except UnknownTypeError:
            return False

    def _faulty(self, said: Any, publisher: Source, now: int, faults: tuple[Fault, ...]) -> Rejected:
        """Tell apart what is no event, what may not be sent, and what is wrong in its data."""
        try:
            event = cloudevents.parse(said)
        except EventRefusedError:
            return Rejected(Status.REFUSED, MALFORMED, faults)
        try:
            contract = self.contracts.by_type(event.type)
        except UnknownTypeError:
            contract = None
        rejected = self._forbidden(event, contract, publisher, now, said.get("level"))
        if rejected:
            return rejected
        if contract is None:
            # Nobody can say what such an event holds, so it lies under the highest label its publisher may use.
            return Rejected(Status.QUARANTINED, UNKNOWN_TYPE, faults, event, Label(publisher.ceiling, event.flags))
        return Rejected(Status.QUARANTINED, INVALID, faults, event, self.label(contract, event.flags))

    def _forbidden(
        self, event: Event, contract: Contract | None, publisher: Source, now: int, declared: int | None
    ) -> Rejected | None:
        code, path = "", ""
        if event.source != publisher.id:
            code, path = OTHER_SOURCE, "$.source"
        elif contract is not None and event.type not in publisher.types:
            code, path = TYPE_NOT_REGISTERED, "$.type"
        elif not event.district.startswith(publisher.districts):
            code, path = DISTRICT_NOT_REGISTERED, "$.district"
        elif self._above(event, contract, declared or 0, min(self._ceiling, publisher.ceiling)):
            code, path = ABOVE_CEILING, "$"
        elif event.occurred_at > now + self._tolerance:
            code, path = FUTURE, "$.time"
        if not code:
            return None
        return Rejected(Status.REFUSED, code, (Fault.of(path, code),), event)

    def _above(self, event: Event, contract: Contract | None, declared: int, ceiling: int) -> bool:
        """Whether anything in the event stands above the ceiling; a class without a value holds nothing."""
        if declared > ceiling:
            return True
        if contract is None or self.label(contract, event.flags).level <= ceiling:
            return False
        return any(
            effective(label_class, event.flags).level > ceiling and _holds(event.data, label_class.fields)
            for label_class in contract.classes
        )

    def label(self, contract: Contract, flags: frozenset[str]) -> Label:
        """Return the label of an event as a whole: the join over its classes."""
        key = (contract.id, flags)
        label = self._labels.get(key)
        if label is None:
            label = self._labels[key] = join(effective(label_class, flags) for label_class in contract.classes)
        return label


def _holds(data: Mapping[str, Any], fields: tuple[Any, ...]) -> bool:
    return any(data.get(field.name) is not None for field in fields)
