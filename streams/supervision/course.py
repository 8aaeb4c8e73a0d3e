"""The course of a key: its facts, in their order, walked through once; what comes out are its terms.

What an event does is its part in the pattern. At one instant the parts act in the order below, so an event that closes
on the day the clock starts closes it, whichever of the two was numbered first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streams.legal_clock import Deadline, reckon
from streams.legal_clock.deadline import reckon_day, settle
from streams.supervision.fact import Fact
from streams.supervision.parts import (
    CLOSE,
    CUSTODY,
    EXTEND,
    OPEN,
    REOPEN,
    RESTART,
    RESUME,
    SUSPEND,
    Entry,
    Handler,
    Marked,
    Part,
    Skipped,
)
from streams.supervision.rate import Choose, Course, Rate
from streams.supervision.term import Term


class Walk:
    """The compiled course of one pattern."""

    def __init__(
        self,
        handlers: dict[str, tuple[Handler, ...]],
        choose: Choose,
        course: Course,
        *,
        since_any: bool,
        roll: bool,
        custody: str | None,
    ) -> None:
        self._entries: dict[str, tuple[Entry, ...]] = {
            event_type: tuple((h.part, h.where, h.at, h) for h in parts) for event_type, parts in handlers.items()
        }
        self.openers = tuple(t for t, parts in handlers.items() if any(h.part == OPEN for h in parts))
        self._plain = _plain(handlers)
        self._choose = choose
        self._course = course
        self._since_any = since_any
        self._roll = roll
        self._custody = custody
        self._day = course.scope.zone.day
        self._amend: dict[int, Callable[[Term, int, Fact, Handler], None]] = {
            RESUME: self._resume,
            EXTEND: self._extend,
            RESTART: self._restart,
            SUSPEND: self._suspend,
        }

    def terms(self, facts: Sequence[Fact], skipped: list[Skipped] | None = None) -> list[Term]:
        """Return the terms of one key, by opening; `facts` come in their order, each once.

        `skipped` collects the events that did not open a clock, for `why-not`.
        """
        if self._plain is not None and skipped is None:
            found = self._stroll(self._plain, facts)
            if found is not None:
                return found
        marked = self._marked(facts, skipped)
        return [] if marked is None else self._walk(marked, skipped)

    def _stroll(self, part_of: Mapping[str, Part], facts: Sequence[Fact]) -> list[Term] | None:
        """Walk a pattern in which events only open and close, unconditionally, when they occurred: the common case.

        The facts are then in the order in which they count, except where an opening shares its instant with a closing
        that was numbered before it: None sends that key the general way.
        """
        terms: list[Term] = []
        running: Term | None = None
        early: Fact | None = None
        closed_at = None
        for fact in facts:
            part = part_of.get(fact.type)
            if part is None:
                continue
            at = fact.occurred_at
            if part == CLOSE:
                closed_at = at
                if running is not None:
                    running.closed_at, running.closer = at, fact
                    running = None
                if early is None:
                    early = fact
            elif running is None:
                if at == closed_at:
                    return None
                running = self._open(at, fact, ())
                if running is None:
                    continue
                terms.append(running)
                if early is not None and self._since_any:
                    running.closed_at, running.closer = early.occurred_at, early
                    running = None
        return terms

    def _marked(self, facts: Sequence[Fact], skipped: list[Skipped] | None) -> list[Marked] | None:
        entries_of = self._entries.get
        marked: list[Marked] = []
        opens, number = False, 0
        for fact in facts:
            entries = entries_of(fact.type)
            if entries is None:
                continue
            for part, where, at, handler in entries:
                if where is not None and not where(fact.data):
                    if skipped is not None and part == OPEN:
                        skipped.append(Skipped(fact, "condition"))
                    continue
                if part == OPEN:
                    opens = True
                marked.append((fact.occurred_at if at is None else at(fact), part, number, fact, handler))
                number += 1
        if not opens:
            return None
        if number > 1:
            marked.sort()
        return marked

    def _walk(self, marked: list[Marked], skipped: list[Skipped] | None) -> list[Term]:
        terms: list[Term] = []
        running: Term | None = None
        early: tuple[int, Fact] | None = None
        for at, part, _, fact, handler in marked:
            if part == OPEN:
                if running is not None:
                    _skip(skipped, fact, "running")
                    continue
                running = self._open(at, fact, marked)
                if running is None:
                    _skip(skipped, fact, "no_limit")
                    continue
                terms.append(running)
                if early is not None and self._since_any:
                    running.closed_at, running.closer = early
                    running = None
            elif part == CLOSE:
                early = early or (at, fact)
                if running is not None:
                    running.closed_at, running.closer = at, fact
                    running = None
            elif part == REOPEN:
                running = self._reopen(terms, at, fact, handler)
            elif running is not None and part != CUSTODY:
                self._amend[part](running, at, fact, handler)
        return terms

    def _open(self, at: int, fact: Fact, marked: Sequence[Marked]) -> Term | None:
        day = self._day(at)
        rate = self._choose(fact, day)
        if rate is None:
            return None
        rolls = self._roll and not (self._custody is not None and self._in_custody(marked))
        deadline = rate.known.get((day, rolls)) or rate.deadline(fact, at, day, self._course, rolls)
        return None if deadline is None else Term(fact, at, at, rate, deadline, rolls)

    def _in_custody(self, marked: Sequence[Marked]) -> bool:
        """Say whether the person is in custody by the latest word of it; unknown counts as yes: nothing rolls then."""
        told = [fact.data.get(self._custody or "") for _, part, _, fact, _ in marked if part == CUSTODY]
        known = [word for word in told if word is not None]
        return bool(known[-1]) if known else True

    def _extend(self, term: Term, at: int, fact: Fact, handler: Handler) -> None:
        assert handler.extension is not None
        rate, counts_from = handler.extension
        if not term.runs_at(at):
            term.note("extended_late", at, fact, rate)
            return
        deadline = self._extended(term, at, fact, rate, counts_from)
        if deadline is not None:
            term.deadline = deadline
            term.note("extended", at, fact, rate)

    def _extended(self, term: Term, at: int, fact: Fact, rate: Rate, counts_from: str) -> Deadline | None:
        zone, calendar = self._course.scope.zone, self._course.calendar
        if counts_from != "last_day":
            start = term.started_at if counts_from == "opener" else at
            return rate.deadline(fact, start, zone.day(start), self._course, term.rolls)
        limit = rate.limit(fact)
        if limit is None:
            return None
        if limit.hours:
            return reckon(limit, term.deadline.due_at - 1, zone, calendar, roll=term.rolls)
        base, old = term.deadline.base_day, term.deadline.nominal_day
        return reckon_day(limit, base, zone, calendar, roll=term.rolls, since_day=old)

    def _restart(self, term: Term, at: int, fact: Fact, handler: Handler) -> None:
        del handler
        if not term.runs_at(at):
            term.note("refused_late", at, fact)
            return
        day = self._course.scope.zone.day(at)
        deadline = term.rate.deadline(term.opener, at, day, self._course, term.rolls)
        if deadline is not None:
            term.started_at, term.deadline = at, deadline
            term.note("restarted", at, fact)

    def _suspend(self, term: Term, at: int, fact: Fact, handler: Handler) -> None:
        del handler
        if term.suspended_at is None and term.runs_at(at):
            term.suspended_at = at
            term.note("suspended", at, fact)

    def _resume(self, term: Term, at: int, fact: Fact, handler: Handler) -> None:
        """Move the last day by the days the clock stood still."""
        del handler
        if term.suspended_at is None:
            return
        zone, calendar = self._course.scope.zone, self._course.calendar
        stood = zone.day(at) - zone.day(term.suspended_at)
        old = term.deadline
        term.suspended_at = None
        term.deadline = settle(old.base_day, old.nominal_day + stood, zone, calendar, roll=term.rolls)
        term.note("resumed", at, fact)

    def _reopen(self, terms: list[Term], at: int, fact: Fact, handler: Handler) -> Term | None:
        """Let the last term run on with the limit it had: what seemed to close it did not hold."""
        if not terms:
            return None
        term = terms[-1]
        term.closer, term.closed_at = None, 0
        term.floor = max(term.floor, handler.floor)
        term.note("reopened", at, fact)
        return term


def _plain(handlers: dict[str, tuple[Handler, ...]]) -> dict[str, Part] | None:
    """Return event type → part where that is all there is to a pattern, else None."""
    if any(len(parts) > 1 for parts in handlers.values()):
        return None
    only = {event_type: parts[0] for event_type, parts in handlers.items()}
    if any(h.part not in (OPEN, CLOSE) or h.where is not None or h.at is not None for h in only.values()):
        return None
    return {event_type: handler.part for event_type, handler in only.items()}


def _skip(skipped: list[Skipped] | None, fact: Fact, why: str) -> None:
    if skipped is not None:
        skipped.append(Skipped(fact, why))
