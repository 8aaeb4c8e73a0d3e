"""The judgment of a term at given marks: its state, its severity, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.clock import DAY, HOUR
from streams.legal_clock import LocalZone
from streams.supervision.finding import (
    APPROACHING,
    CLEARED,
    HELD,
    OVERDUE_DONE,
    RAISED,
    SEVERITIES,
    UNCONFIRMED,
    Severity,
    State,
)
from streams.supervision.marks import Marks
from streams.supervision.term import Term


class Lead(NamedTuple):
    """When a rung of the ladder is reached: days or hours before the deadline, or after the start of the clock."""

    before: bool
    days: int
    hours: int

    def at(self, term: Term, zone: LocalZone) -> int:
        """Return the instant for a term; days begin at local midnight."""
        deadline = term.deadline
        if self.days:
            day = deadline.last_day - self.days if self.before else deadline.base_day + self.days
            return max(zone.start(day), term.opened_at)
        hours = self.hours * HOUR
        return max(deadline.due_at - hours if self.before else term.opened_at + hours, term.opened_at)


class Rung(NamedTuple):
    """One rung: a severity, reached at the earliest of its leads."""

    severity: Severity
    leads: tuple[Lead, ...]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a term amounts to at given marks.

    Attributes:
        state: None where there is nothing to say yet.
        wake_at: the next clock time that changes the verdict by itself, None where none does.
        waits: the sources whose marks keep it open; it changes when one of them passes `due_at`.
    """

    term: Term
    state: State | None
    severity: Severity
    wake_at: int | None = None
    waits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judge:
    """How one model judges its terms.

    Attributes:
        ladder: severities before the deadline, in the order they are reached.
        breach: the severity after it.
        closing: the event types that can close a term, sorted: a deadline waits only for their sources.
        wait: how long after the deadline reports may still come in, microseconds.
        hold_max: how much longer a silent source is waited for, microseconds.
        done_only: report only what was closed after the limit (`overdue`), never what is open (`absence`).
    """

    zone: LocalZone
    ladder: tuple[Rung, ...]
    breach: Severity
    closing: tuple[str, ...]
    wait: int = 0
    hold_max: int = 3 * DAY
    done_only: bool = False

    def verdict(self, term: Term, marks: Marks) -> Verdict:
        """Judge a term. A pure function: the same term and the same marks always give the same."""
        due, stands = term.deadline.due_at, term.suspended_at is not None
        if term.closer is not None and (stands or term.closed_at < due):
            return Verdict(term, CLEARED, self.breach)
        if not stands and marks.clock < due:
            return self._before(term, marks.clock, due)
        if stands or (self.done_only and term.closer is None):
            return Verdict(term, None, self.breach)
        return self._after(term, marks, due)

    def _after(self, term: Term, marks: Marks, due: int) -> Verdict:
        settled = due + self.wait
        if marks.clock >= settled and marks.closing(self.closing, term.opener.district) >= due:
            return Verdict(term, RAISED if term.closer is None else OVERDUE_DONE, self.breach)
        behind = marks.behind(self.closing, term.opener.district, due)
        if marks.clock >= settled + self.hold_max:
            return Verdict(term, UNCONFIRMED if term.closer is None else OVERDUE_DONE, self.breach, None, behind)
        wake = settled if marks.clock < settled else settled + self.hold_max
        return Verdict(term, HELD, self.breach, wake, behind)

    def _before(self, term: Term, clock: int, due: int) -> Verdict:
        if self.done_only:
            return Verdict(term, None, self.breach, due)
        reached, wake = term.floor, due
        for rung in self.ladder:
            at = min(lead.at(term, self.zone) for lead in rung.leads)
            if clock >= at:
                reached = max(reached, SEVERITIES.index(rung.severity))
            else:
                wake = min(wake, at)
        if reached < 0:
            return Verdict(term, None, self.breach, wake)
        return Verdict(term, APPROACHING, SEVERITIES[reached], wake)
