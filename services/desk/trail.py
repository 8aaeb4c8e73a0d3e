"""Every opening, step and publication at the desk: durable in the audit log first, then shown to the security officer.

The audit log is the proof. The record on `casebus.accesses` follows it and only serves the page that lists who opened
what; it names the leaf.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from schemas.clock import Clock
from security.audit.acts import Act
from security.audit.record import Entry
from services.desk.people import Person
from streams.bus.port import Bus, Record, Transaction
from streams.projections import accesses
from streams.projections.accesses import AccessRecord

PARTITION = 0


class Log(Protocol):
    """The audit log, as far as the desk needs it."""

    def append(self, entries: list[Entry]) -> Any:
        """Make entries durable; the answer's `first` is the leaf of the first one."""
        ...


class Trail:
    """Writes what people do at the desk."""

    def __init__(self, audit: Log, bus: Bus, clock: Clock) -> None:
        self._audit = audit
        self._bus = bus
        self._clock = clock

    def note(
        self,
        person: Person,
        act: Act,
        alert_id: str,
        *,
        out: str = "ok",
        case: str = "",
        why: str = "",
        data: Mapping[str, Any] | None = None,
        within: Transaction | None = None,
    ) -> int:
        """Audit one act and return its leaf; durable when this returns.

        Args:
            person: who acts.
            act: the act's name in the audit log.
            alert_id: what it is about, 32 hex digits.
            out: `ok` or `deny`.
            case: keyed digest of the case reference, hex; never the reference itself.
            why: reason code.
            data: ids, codes and counts; never a value of an event.
            within: a bus transaction the listing belongs to; without one it gets its own.
        """
        entry = Entry(
            act=act,
            out=out,
            actor=person.account,
            org=person.organisation,
            role=person.role,
            purpose=person.principal.purpose,
            case=case,
            obj=alert_id,
            why=why,
            data=dict(data or {}),
        )
        leaf = int(self._audit.append([entry]).first)
        listed = f"{act}.{entry.data['step']}" if "step" in entry.data else act
        self._list(person, listed, alert_id, out, leaf, within)
        return leaf

    def _list(self, person: Person, act: str, alert_id: str, out: str, leaf: int, within: Transaction | None) -> None:
        listed = AccessRecord(
            v=1,
            alert_id=alert_id,
            act=act,
            outcome=out,
            actor=person.account,
            role=person.role,
            organisation=person.organisation,
            at=self._clock.now_us(),
            leaf=leaf,
        )
        record = Record(key=bytes.fromhex(alert_id), value=accesses.encode(listed))
        (within or self._bus).append(accesses.TOPIC, PARTITION, [record])
