"""The arithmetic of a deadline, step by step, as people would write it on paper."""

from __future__ import annotations

from functools import lru_cache

from streams.legal_clock import LocalZone
from streams.legal_clock.zone import to_date
from streams.supervision.fact import Fact
from streams.supervision.finding import Step, step
from streams.supervision.judge import Verdict
from streams.supervision.model import Model
from streams.supervision.rate import Rate
from streams.supervision.scope import Law
from streams.supervision.term import Note, Term

_AMOUNTS = {
    "months": "model.step.months",
    "half_months": "model.step.half_months",
    "days": "model.step.days",
    "workdays": "model.step.workdays",
    "hours": "model.step.hours",
}
_NOTES = {
    "extended": "model.step.extended",
    "extended_late": "model.step.extended_late",
    "restarted": "model.step.restarted",
    "refused_late": "model.step.restarted_late",
    "suspended": "model.step.suspended",
    "resumed": "model.step.resumed",
    "reopened": "model.step.reopened",
}


RENDERED = 4096
"""Rendered days and moments that are kept: limits end on the same midnights for many."""


@lru_cache(maxsize=RENDERED)
def day_text(day: int) -> str:
    """Render a local day."""
    return to_date(day).isoformat()


@lru_cache(maxsize=RENDERED)
def moment_text(zone: LocalZone, at: int) -> str:
    """Render an instant in local time, with its offset, to the second."""
    return zone.local(at).isoformat(" ", "seconds")


def steps_of(model: Model, verdict: Verdict) -> tuple[Step, ...]:
    """Return the steps from the opening event to the verdict."""
    term, zone = verdict.term, model.zone
    if not model.pattern.timed:
        return (step("model.step.matched", day=day_text(zone.day(term.opened_at)), type=term.opener.type),)
    first = term.notes[0].deadline if term.notes else term.deadline
    steps = [_opened(zone, term), *_limit(term.rate, term.opener, term.rate.law)]
    if first is not None and not term.notes:
        steps += _rolled(term)
    for note in term.notes or ():
        steps += _noted(zone, note)
    if term.notes:
        steps += _rolled(term)
    if term.deadline.provisional:
        steps.append(step("model.step.provisional", year=str(to_date(term.deadline.last_day).year)))
    steps.append(_late_from(zone, term))
    return (*steps, *_outcome(zone, verdict))


def _opened(zone: LocalZone, term: Term) -> Step:
    if term.rate.fixed.hours or "hours" in term.rate.sized:
        return step("model.step.opened_hour", moment=moment_text(zone, term.opened_at), type=term.opener.type)
    return step("model.step.opened", day=day_text(zone.day(term.opened_at)), type=term.opener.type)


def _limit(rate: Rate, fact: Fact, law: Law) -> list[Step]:
    limit = rate.limit(fact)
    if limit is None:
        return []
    amounts = [(unit, getattr(limit, unit)) for unit in _AMOUNTS]
    return [step(_AMOUNTS[unit], count=str(n), article=law.article) for unit, n in amounts if n]


def _rolled(term: Term) -> list[Step]:
    deadline = term.deadline
    if not deadline.rolled:
        return []
    return [step("model.step.rolled", day=day_text(deadline.nominal_day), to=day_text(deadline.last_day))]


def _noted(zone: LocalZone, note: Note) -> list[Step]:
    assert note.deadline is not None
    said = step(
        _NOTES[note.what],
        day=day_text(zone.day(note.at)),
        type=note.fact.type,
        to=day_text(note.deadline.nominal_day),
    )
    amounts = _limit(note.rate, note.fact, note.rate.law) if note.rate is not None and note.what == "extended" else []
    return [*amounts, said]


def _late_from(zone: LocalZone, term: Term) -> Step:
    due = moment_text(zone, term.deadline.due_at)
    return step("model.step.late_from", day=day_text(term.deadline.last_day), moment=due)


def _outcome(zone: LocalZone, verdict: Verdict) -> list[Step]:
    """Say how it stands; never by the time of processing: the same events give the same words."""
    term = verdict.term
    if term.closer is not None:
        return _closed(zone, term, term.closer)
    match verdict.state:
        case "held":
            return [step("model.step.held", sources=", ".join(verdict.waits) or "-")]
        case "unconfirmed":
            return [step("model.step.unconfirmed", sources=", ".join(verdict.waits) or "-")]
        case "approaching":
            return [step("model.step.approaching")]
        case "raised":
            return [step("model.step.open")]
        case _:
            return [step("model.step.running")]


def _closed(zone: LocalZone, term: Term, closer: Fact) -> list[Step]:
    day, due = zone.day(term.closed_at), term.deadline.last_day
    if term.closed_at < term.opened_at:
        said = [step("model.step.closed_before", day=day_text(day), type=closer.type)]
    elif term.in_time:
        said = [step("model.step.closed_in_time", day=day_text(day), type=closer.type)]
    else:
        said = [step("model.step.closed_late", day=day_text(day), type=closer.type, days=str(max(day - due, 0)))]
    if closer.recorded_at >= term.deadline.due_at > term.closed_at:
        said.append(step("model.step.reported_late", moment=moment_text(zone, closer.recorded_at)))
    return said
