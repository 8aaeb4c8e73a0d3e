"""Back-testing: models over history, as one pure fold. No bus, no state, no marks but the end of the last day.

The same models, the same fold per key and the same judgment as the engine; only what was raised on the way is not
replayed. Everything is taken as known: each deadline is judged at the end of the day `as_of` in the model's zone.
"""

from __future__ import annotations

import gc
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from streams.legal_clock import LocalZone
from streams.legal_clock.zone import to_date
from streams.supervision.fact import MINUS_INFINITY, Fact, folded
from streams.supervision.finding import APPROACHING, FINAL, State
from streams.supervision.inputs import KeyOf
from streams.supervision.judge import Verdict
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
    """Models that fold by the same fields in the same zone, their facts by key, and who has to walk a key.

    `opened` has a bit per model: set where the key holds an event that can open a term of that model.
    """

    models: tuple[Model, ...]
    zone: LocalZone
    keys: dict[str, list[Fact]]
    opened: dict[str, int]


def backtest(models: Sequence[Model], facts: Iterable[Fact], as_of: int | None = None) -> BacktestReport:
    """Fold history and count what the models find.

    `as_of` is a local day (days since 1970-01-01): deadlines are judged at its end, later events are left out. Without
    it the day of the last event counts. Facts may come in any order and more than once; types that no model takes may
    be among them and are counted as read.
    """
    with _without_collector():
        groups = _grouped(models)
        events, last = _distribute(groups, facts)
        tallies = {model.id: Tally() for model in models}
        for group in groups:
            end = group.zone.end(as_of) if as_of is not None else group.zone.end(group.zone.day(last))
            _judge(group, end, [tallies[model.id] for model in group.models])
    return BacktestReport(events, tallies)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the cycle collector: facts hold no cycles, and walking a growing log again and again costs a fifth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _grouped(models: Sequence[Model]) -> list[_Group]:
    found: dict[tuple[str, str], list[Model]] = {}
    for model in models:
        found.setdefault((model.space, model.zone.name), []).append(model)
    return [_Group(tuple(members), members[0].zone, defaultdict(list), {}) for members in found.values()]


def _distribute(groups: Sequence[_Group], facts: Iterable[Fact]) -> tuple[int, int]:
    """Put every fact to its keys; return how many there were and when the last one happened."""
    takers = {event_type: _takers(groups, event_type) for group in groups for event_type in _types(group)}
    events, last, nobody = 0, 0, ()
    for fact in facts:
        events += 1
        if fact.occurred_at > last:  # noqa: PLR1730 - a call of max for every event of a log costs a tenth of the fold
            last = fact.occurred_at
        for key, keys, opened, bits in takers.get(fact.type, nobody):
            name = fact.subject if key is None else key(fact)
            if name is None:
                continue
            keys[name].append(fact)
            if bits:
                opened[name] = opened.get(name, 0) | bits
    return events, last


_Taker = tuple[KeyOf | None, dict[str, list[Fact]], dict[str, int], int]


def _takers(groups: Sequence[_Group], event_type: str) -> tuple[_Taker, ...]:
    return tuple(
        (
            None if group.models[0].key_names == "subject" else group.models[0].key,
            group.keys,
            group.opened,
            sum(1 << i for i, model in enumerate(group.models) if event_type in model.pattern.openers),
        )
        for group in groups
        if event_type in _types(group)
    )


def _types(group: _Group) -> set[str]:
    return {event_type for model in group.models for event_type in model.types}


def _settled(known: list[Fact], end: int) -> list[Fact]:
    """Return the facts of a key that count, in their order. History mostly is in order, once, and uncorrected."""
    before = MINUS_INFINITY
    for fact in known:
        at = fact.occurred_at
        if at <= before or fact.supersedes is not None:
            known = folded(known)
            break
        before = at
    return known if known and known[-1].occurred_at < end else [fact for fact in known if fact.occurred_at < end]


def _judge(group: _Group, end: int, tallies: Sequence[Tally]) -> None:
    """Walk each key once for all the models that have to: its facts are still warm in the cache."""
    marks, opened = Marks(end), group.opened
    runs = [(m.pattern.terms, m.pattern.verdict, m, tally) for m, tally in zip(group.models, tallies, strict=True)]
    chosen: dict[int, list[Any]] = {}
    for key, known in group.keys.items():
        bits = opened.get(key)
        if bits is None:
            continue
        if bits not in chosen:
            chosen[bits] = [run for i, run in enumerate(runs) if bits >> i & 1]
        facts = _settled(known, end)
        for terms_of, verdict_of, model, tally in chosen[bits]:
            for term in terms_of(facts):
                verdict = verdict_of(term, marks)
                if verdict.state is not None:
                    _count(model, verdict, tally)


def _count(model: Model, verdict: Verdict, tally: Tally) -> None:
    term, state = verdict.term, verdict.state
    if state in FINAL:
        tally.alerts += 1
        tally.subjects.add(term.opener.subject)
        tally.by_month[_month(model.zone.day(term.deadline.due_at))] += 1
        tally.ids[model.alert_id(verdict)] = state
    elif state == APPROACHING:
        tally.approaching += 1
    elif _reported_late(term):
        tally.retracted += 1


@lru_cache(maxsize=100_000)
def _month(day: int) -> str:
    return f"{to_date(day):%Y-%m}"


def _reported_late(term: Term) -> bool:
    """Say whether an alert stood in between: the opening was known before the limit passed, the closing only after."""
    due, closer = term.deadline.due_at, term.closer
    return closer is not None and term.opener.recorded_at < due <= closer.recorded_at
