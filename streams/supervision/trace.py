"""Why there is an alert, step by step, and why there is none: which step stopped it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.texts import text
from streams.supervision.arithmetic import steps_of
from streams.supervision.fact import Fact, folded
from streams.supervision.finding import FINAL, State, Step
from streams.supervision.judge import Verdict
from streams.supervision.marks import Marks
from streams.supervision.model import Model
from streams.supervision.parts import Skipped


@dataclass(frozen=True)
class TermTrace:
    """One running of the clock of one subject, with its arithmetic."""

    key: str
    alert: str
    state: State | None
    severity: str
    opened_at: int
    due_at: int | None
    closed_at: int | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Trace:
    """What a model makes of one subject.

    Attributes:
        events: how many events of the subject's keys the model takes.
        stopped_by: the step after which there was no alert: no_events, no_opener, condition, no_limit, in_time, before,
            not_due, suspended, not_done, held; `alert` where nothing stopped it.
        zh, en: the same as a sentence.
    """

    model: str
    subject: str
    events: int
    terms: tuple[TermTrace, ...]
    stopped_by: str
    zh: str
    en: str


_WHY = {
    "alert": "model.why.alert",
    "no_events": "model.why.no_events",
    "no_opener": "model.why.no_opener",
    "condition": "model.why.condition",
    "no_limit": "model.why.no_limit",
    "in_time": "model.why.in_time",
    "before": "model.why.before",
    "not_due": "model.why.not_due",
    "suspended": "model.why.suspended",
    "not_done": "model.why.not_done",
    "held": "model.why.held",
}


def trace(model: Model, subject: str, facts: Iterable[Fact], marks: Marks) -> Trace:
    """Trace one subject: a case reference as published, or a key of the model."""
    keys = _keys_of(model, subject, facts, marks.clock)
    terms: list[TermTrace] = []
    reasons: list[str] = []
    for key, known in sorted(keys.items()):
        skipped: list[Skipped] = []
        verdicts = [model.pattern.verdict(t, marks) for t in model.pattern.terms(folded(known), skipped)]
        terms += [_traced(model, key, verdict) for verdict in verdicts]
        reasons += [_reason(model, verdict) for verdict in verdicts] or [_not_opened(skipped)]
    # An alert anywhere is worth telling before anything else; otherwise what happened last.
    stopped = "alert" if "alert" in reasons else (reasons or ["no_events"])[-1]
    zh, en = text(_WHY[stopped], "zh"), text(_WHY[stopped], "en")
    return Trace(model.id, subject, sum(map(len, keys.values())), tuple(terms), stopped, zh, en)


def _keys_of(model: Model, subject: str, facts: Iterable[Fact], clock: int) -> dict[str, list[Fact]]:
    """Return the facts of every key in which the subject occurs, without what happened after the clock."""
    by_key: dict[str, list[Fact]] = {}
    wanted: set[str] = set()
    for fact in facts:
        if fact.type not in model.fields or fact.occurred_at >= clock:
            continue
        key = model.key(fact)
        if key is None:
            continue
        by_key.setdefault(key, []).append(fact)
        if subject in (fact.subject, key):
            wanted.add(key)
    return {key: by_key[key] for key in wanted}


def _traced(model: Model, key: str, verdict: Verdict) -> TermTrace:
    term = verdict.term
    return TermTrace(
        key=key,
        alert=model.alert_id(verdict),
        state=verdict.state,
        severity=verdict.severity,
        opened_at=term.opened_at,
        due_at=term.deadline.due_at if model.pattern.timed else None,
        closed_at=None if term.closer is None else term.closed_at,
        steps=steps_of(model, verdict),
    )


def _not_opened(skipped: Sequence[Skipped]) -> str:
    reasons = [s.why for s in skipped if s.why != "running"]
    return reasons[-1] if reasons else "no_opener"


def _reason(model: Model, verdict: Verdict) -> str:
    term, state = verdict.term, verdict.state
    if state in FINAL:
        return "alert"
    if state == "held":
        return "held"
    if term.closer is not None and term.in_time:
        return "before" if term.closed_at < term.opened_at else "in_time"
    if term.suspended_at is not None:
        return "suspended"
    overdue_only = "overdue" in model.document["pattern"] and verdict.wake_at is None
    return "not_done" if overdue_only else "not_due"
