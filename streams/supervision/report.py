"""From a verdict to a finding that people can check: evidence, articles, explanation and the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from streams.supervision.arithmetic import day_text, moment_text, steps_of
from streams.supervision.explanation import fill
from streams.supervision.fact import Fact
from streams.supervision.finding import (
    CLEARED,
    CLOSED_BY_LATE_REPORT,
    OVERDUE_DONE,
    Evaluation,
    Finding,
    Severity,
    State,
)
from streams.supervision.judge import Verdict
from streams.supervision.marks import Marks
from streams.supervision.model import Model
from streams.supervision.scope import Law
from streams.supervision.term import Term

CLOSED = frozenset({CLEARED, CLOSED_BY_LATE_REPORT, OVERDUE_DONE})


def evaluate(model: Model, key: str, facts: Sequence[Fact], marks: Marks) -> Evaluation:
    """Return the findings of one key, also those that are cleared, and when to look again.

    Pure: facts in their order, each once, and marks; nothing else counts.
    """
    verdicts = model.verdicts(facts, marks)
    wakes = [v.wake_at for v in verdicts if v.wake_at is not None]
    found = tuple(finding(model, key, v, v.state) for v in verdicts if v.state is not None)
    return Evaluation(found, min(wakes, default=None))


def finding(model: Model, key: str, verdict: Verdict, state: State) -> Finding:
    """Return the finding of a verdict, published in `state`."""
    term = verdict.term
    closer = term.closer if state in CLOSED else None
    return Finding(
        id=model.alert_id(verdict),
        state=state,
        severity=verdict.severity,
        subject=term.opener.subject,
        key=key,
        district=term.opener.district,
        unit=unit_of(model, term),
        opened_at=term.opened_at,
        due_at=term.deadline.due_at if model.pattern.timed else None,
        closed_at=None if closer is None else term.closed_at,
        reported_at=None if closer is None else closer.recorded_at,
        evidence=term.evidence,
        steps=steps_of(model, verdict),
        basis=tuple(law.as_dict for law in laws_of(term)),
        explain=_explained(model, term),
        provisional=term.deadline.provisional,
    )


def unit_of(model: Model, term: Term) -> str:
    """Return the responsible unit, or an empty text."""
    return "" if model.unit is None else str(term.opener.data.get(model.unit) or "")


def laws_of(term: Term) -> list[Law]:
    """Return the articles its deadline rests on: the limit's, then those of extensions."""
    laws = [term.rate.law]
    laws += [n.rate.law for n in term.notes or () if n.what == "extended" and n.rate is not None]
    return list({law.id: law for law in laws}.values())


def explained(model: Model, term: Term, language: str) -> str:
    """Fill the model's explanation for a term."""
    return _explained(model, term)[language]


def _explained(model: Model, term: Term) -> dict[str, str]:
    """Fill the model's explanation in both languages: the values are the same."""
    zone, opener = model.zone, term.opener
    values = {
        name: _shown(model, name, value)
        for name, value in opener.data.items()
        if value is not None and not isinstance(value, bytes)
    }
    values |= {
        "subject": opener.subject,
        "district": opener.district,
        "opened": day_text(zone.day(term.opened_at)),
        "due": day_text(term.deadline.last_day),
        "article": term.rate.law.article,
    }
    if term.closer is not None:
        values["closed"] = day_text(zone.day(term.closed_at))
        values["reported"] = moment_text(zone, term.closer.recorded_at)
    told = model.document["explanation"]
    return {language: fill(told[language], values) for language in ("zh", "en")}


def _shown(model: Model, name: str, value: object) -> str:
    if isinstance(value, int):
        kinds = model.kinds.get(name, ())
        if "instant" in kinds:
            return moment_text(model.zone, value)
        if "day" in kinds:
            return day_text(value)
    return str(value)


__all__ = ["Finding", "Severity", "evaluate", "explained", "finding", "laws_of", "unit_of"]
