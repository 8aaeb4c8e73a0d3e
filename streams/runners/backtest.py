"""Back-testing: models over history, as one pure fold. No bus, no state, no marks but the end of the last day.

The same models, the same fold per key and the same judgment as the engine; only what was raised on the way is not
replayed. Everything is taken as known: each deadline is judged at the end of the day `as_of` in the model's zone.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from streams.legal_clock import LocalZone
from streams.legal_clock.zone import to_date
from streams.supervision.fact import Fact, folded, order
from streams.supervision.finding import APPROACHING, FINAL, State
from streams.supervision.marks import Marks
from streams.supervision.model import Model
from streams.supervision.term import Term


@dataclass
class Tally:
    """What one model found.

    Attributes:
        alerts: final alerts. `retracted`: deadlines closed in time by a report that came only after they had passed.
        approaching: open deadlines already inside the lead time.
        subjects: the subjects of the final alerts.
        by_month: final alerts by the local month (`2006-10`) in which they became late.
        ids: ids of the final alerts with their states.
    """

    alerts: int = 0
    retracted: int = 0
    approaching: int = 0
    subjects: set[str] = field(default_factory=set)
    by_month: Counter[str] = field(default_factory=Counter)
    ids: dict[str, State] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Render for `casebus model backtest --json`."""
        joined = "\n".join(sorted(self.subjects))
        return {
            "alerts": self.alerts,
            "retracted": self.retracted,
            "approaching": self.approaching,
            "subjects": len(self.subjects),
            "subjects_sha256": hashlib.sha256(joined.encode()).hexdigest(),
            "by_month": dict(sorted(self.by_month.items())),
        }


@dataclass(frozen=True)
class BacktestReport:
    """The outcome: how many events were read, and the tally of each model by its id."""

    events: int
    models: Mapping[str, Tally]


@dataclass(frozen=True)
class _Group:
    """The models that fold by the same fields in the same zone, and everything of theirs by key."""

    models: tuple[Model, ...]
    zone: LocalZone
    keys: dict[str, list[Fact]]


def backtest(models: Sequence[Model], facts: Iterable[Fact], as_of: int | None = None) -> BacktestReport:
    """Fold history and count what the models find.

    `as_of` is a local day (days since 1970-01-01): deadlines are judged at its end, later events are left out. Without
    it the day of the last event counts. Facts may come in any order and more than once; types that no model takes may
    be among them and are counted as read.
    """
    groups = _grouped(models)
    events, last = _distribute(groups, facts)
    tallies = {model.id: Tally() for model in models}
    for group in groups:
        end = group.zone.end(as_of) if as_of is not None else group.zone.end(group.zone.day(last))
        marks = Marks(end)
        for known in group.keys.values():
            counting = _settled(known, end)
            for model in group.models:
                _judge(model, counting, marks, tallies[model.id])
    return BacktestReport(events, tallies)


def _grouped(models: Sequence[Model]) -> list[_Group]:
    found: dict[tuple[str, str], list[Model]] = {}
    for model in models:
        found.setdefault((model.space, model.zone.name), []).append(model)
    return [_Group(tuple(members), members[0].zone, defaultdict(list)) for members in found.values()]


def _distribute(groups: Sequence[_Group], facts: Iterable[Fact]) -> tuple[int, int]:
    """Put every fact to its keys; return how many there were and when the last one happened."""
    takers: dict[str, list[tuple[Any, dict[str, list[Fact]]]]] = {}
    for group in groups:
        key = None if group.models[0].key_names == "subject" else group.models[0].key
        for event_type in {event_type for model in group.models for event_type in model.types}:
            takers.setdefault(event_type, []).append((key, group.keys))
    events, last, nobody = 0, 0, ()
    for fact in facts:
        events += 1
        if fact.occurred_at > last:
            last = fact.occurred_at
        for key, keys in takers.get(fact.type, nobody):
            name = fact.subject if key is None else key(fact)
            if name is not None:
                keys[name].append(fact)
    return events, last


def _settled(known: list[Fact], end: int) -> list[Fact]:
    """Return the facts of a key that count, in their order. History mostly is in order, once, and uncorrected."""
    if len(known) > 1:
        known.sort(key=order)
        if any(first.id == second.id for first, second in pairwise(known)) or any(f.supersedes for f in known):
            known = folded(known)
    return known if known[-1].occurred_at < end else [fact for fact in known if fact.occurred_at < end]


def _judge(model: Model, facts: list[Fact], marks: Marks, tally: Tally) -> None:
    pattern = model.pattern
    for term in pattern.terms(facts):
        verdict = pattern.verdict(term, marks)
        state = verdict.state
        if state in FINAL:
            tally.alerts += 1
            tally.subjects.add(term.opener.subject)
            late_from = to_date(model.zone.day(term.deadline.due_at))
            tally.by_month[f"{late_from:%Y-%m}"] += 1
            tally.ids[model.alert_id(verdict)] = state
        elif state == APPROACHING:
            tally.approaching += 1
        elif state is not None and _reported_late(term):
            tally.retracted += 1


def _reported_late(term: Term) -> bool:
    """Say whether an alert stood in between: the opening was known before the limit passed, the closing only after."""
    due, closer = term.deadline.due_at, term.closer
    return closer is not None and term.opener.recorded_at < due <= closer.recorded_at
