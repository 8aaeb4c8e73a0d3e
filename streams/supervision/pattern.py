"""The patterns of a model: match, absence, overdue. Each gives the terms of a key and the judgment of a term.

match    every event of one input is a finding.
absence  after the opening event, none of the closing ones within the limit.
overdue  a closing event came, and it came after the limit.

The format has room for more: a pattern is whatever has `terms` and `verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.clock import DAY, HOUR
from streams.legal_clock import Deadline, Limit, WorkCalendar
from streams.supervision.course import Walk
from streams.supervision.errors import FieldTypeError, SchemaMismatchError, UnknownFieldError, UnknownInputError
from streams.supervision.fact import Fact
from streams.supervision.finding import RAISED, SEVERITIES, Severity
from streams.supervision.inputs import Input
from streams.supervision.judge import Judge, Lead, Rung, Verdict
from streams.supervision.marks import Marks
from streams.supervision.parts import (
    CLOSE,
    CUSTODY,
    EXTEND,
    OPEN,
    REOPEN,
    RESTART,
    RESUME,
    SUSPEND,
    Extension,
    Handler,
    Part,
    Skipped,
)
from streams.supervision.rate import Course, Rate, compile_choice, compile_rates
from streams.supervision.scope import Law, Scope
from streams.supervision.term import Term

DEFAULT_HOLD = {"hours": 72}


class Pattern(Protocol):
    """What every pattern can do."""

    @property
    def timed(self) -> bool:
        """Whether its findings have a deadline."""
        ...

    @property
    def openers(self) -> tuple[str, ...]:
        """The event types that can make a term: a key without any of them has none."""
        ...

    def terms(self, facts: Sequence[Fact], skipped: list[Skipped] | None = None) -> list[Term]:
        """Return the terms of one key, by opening."""
        ...

    def verdict(self, term: Term, marks: Marks) -> Verdict:
        """Judge one term."""
        ...


@dataclass(frozen=True)
class Match:
    """Every event of one input is a finding."""

    input: Input
    law: Law
    severity: Severity
    scope: Scope
    timed: bool = False

    @property
    def openers(self) -> tuple[str, ...]:
        """The event types of its input."""
        return self.input.types

    def terms(self, facts: Sequence[Fact], skipped: list[Skipped] | None = None) -> list[Term]:
        """Return one term per matching event: it opens and ends at once."""
        at_of, terms = self.input.starts(self.scope), []
        for fact in facts:
            if fact.type not in self.input.types:
                continue
            if self.input.where is not None and not self.input.where(fact.data):
                if skipped is not None:
                    skipped.append(Skipped(fact, "condition"))
                continue
            at = fact.occurred_at if at_of is None else at_of(fact)
            day = self.scope.zone.day(at)
            terms.append(Term(fact, at, at, Rate(self.law, Limit()), Deadline(day, day, day, at), rolls=False))
        return terms

    def verdict(self, term: Term, marks: Marks) -> Verdict:
        """A match stands as soon as it is seen: no mark can undo it."""
        del marks
        return Verdict(term, RAISED, self.severity)


@dataclass(frozen=True)
class Timed:
    """Absence and overdue: a course of terms, and their judge."""

    walk: Walk
    judge: Judge
    timed: bool = True

    @property
    def openers(self) -> tuple[str, ...]:
        """The event types of its opening input."""
        return self.walk.openers

    def terms(self, facts: Sequence[Fact], skipped: list[Skipped] | None = None) -> list[Term]:
        """Return the terms of one key, by opening."""
        return self.walk.terms(facts, skipped)

    def verdict(self, term: Term, marks: Marks) -> Verdict:
        """Judge one term."""
        return self.judge.verdict(term, marks)


@dataclass(frozen=True)
class _Source:
    """What a pattern is compiled from."""

    document: Mapping[str, Any]
    inputs: Mapping[str, Input]
    scope: Scope
    calendar: WorkCalendar | None

    def input(self, alias: str, path: str) -> Input:
        if alias not in self.inputs:
            raise self.scope.error(UnknownInputError, path, name=alias)
        return self.inputs[alias]


def compile_pattern(
    document: Mapping[str, Any], inputs: Mapping[str, Input], scope: Scope, calendar: WorkCalendar | None
) -> Pattern:
    """Compile the one pattern of a model.

    Raises:
        ModelError: an unknown input, field, parameter or article, a field of the wrong type; names file and path.
    """
    source = _Source(document, inputs, scope, calendar)
    (kind, spec), path = next(iter(document["pattern"].items())), "$.pattern"
    if kind == "match":
        on = source.input(spec["on"], f"{path}.match.on")
        return Match(on, scope.law(spec["basis"], f"{path}.match.basis"), document["severity"]["breach"], scope)
    return _timed(spec, source, f"{path}.{kind}", done_only=kind == "overdue")


def _timed(spec: Mapping[str, Any], source: _Source, path: str, *, done_only: bool) -> Timed:
    scope, roll = source.scope, spec.get("roll", "none") != "none"
    opener = source.input(spec["open"], f"{path}.open")
    closers = [source.input(alias, f"{path}.close") for alias in spec["close"]]
    if source.calendar is None and (roll or "workdays" in str(spec)):
        raise scope.error(SchemaMismatchError, "$.calendar", reason="working days need a calendar")
    handlers = _handlers(spec, source, path)
    walk = Walk(
        handlers,
        compile_choice(spec["limit"], opener, scope, f"{path}.limit"),
        Course(scope, source.calendar),
        since_any=spec.get("since", "opener") == "any",
        roll=roll,
        custody=_custody(spec, source, f"{path}.custody"),
    )
    late, severity = source.document.get("late", {}), source.document["severity"]
    judge = Judge(
        zone=scope.zone,
        ladder=tuple(_rung(entry, scope, i) for i, entry in enumerate(severity.get("approaching", ()))),
        breach=severity["breach"],
        closing=tuple(sorted({t for closer in closers for t in closer.types})),
        wait=_duration(late.get("wait", {"hours": 0}), scope, "$.late.wait"),
        hold_max=_duration(late.get("hold_max", DEFAULT_HOLD), scope, "$.late.hold_max"),
        done_only=done_only,
    )
    return Timed(walk, judge)


def _handlers(spec: Mapping[str, Any], source: _Source, path: str) -> dict[str, tuple[Handler, ...]]:
    scope, found = source.scope, dict[str, list[Handler]]()

    def play(part: Part, alias: str, where: str, extension: Extension | None = None, floor: int = -1) -> None:
        declared = source.input(alias, f"{path}.{where}")
        at = declared.starts(scope) if part in (OPEN, SUSPEND) else declared.ends(scope)
        handler = Handler(part, declared.where, at, alias, extension, floor)
        for event_type in declared.types:
            found.setdefault(event_type, []).append(handler)

    play(OPEN, spec["open"], "open")
    for alias in spec["close"]:
        play(CLOSE, alias, "close")
    for i, entry in enumerate(spec.get("extend", ())):
        at = f"extend[{i}]"
        declared = source.input(entry["on"], f"{path}.{at}.on")
        rate = compile_rates(entry["limit"], declared, scope, f"{path}.{at}.limit")[0]
        play(EXTEND, entry["on"], at, Extension(rate, entry["from"]))
    for i, entry in enumerate(spec.get("suspend", ())):
        play(SUSPEND, entry["on"], f"suspend[{i}].on")
        play(RESUME, entry["until"], f"suspend[{i}].until")
    for alias in spec.get("restart", ()):
        play(RESTART, alias, "restart")
    for i, entry in enumerate(spec.get("reopen", ())):
        play(REOPEN, entry["on"], f"reopen[{i}].on", None, SEVERITIES.index(entry["severity"]))
    if "custody" in spec:
        play(CUSTODY, spec["custody"]["input"], "custody.input")
    return {event_type: tuple(parts) for event_type, parts in found.items()}


def _custody(spec: Mapping[str, Any], source: _Source, path: str) -> str | None:
    if "custody" not in spec:
        return None
    declared, name = source.input(spec["custody"]["input"], f"{path}.input"), str(spec["custody"]["field"])
    if name not in declared.fields:
        raise source.scope.error(UnknownFieldError, f"{path}.field", name=name)
    if declared.fields[name] != "bool":
        raise source.scope.error(FieldTypeError, f"{path}.field", name=name)
    return name


def _rung(entry: Mapping[str, Any], scope: Scope, index: int) -> Rung:
    path = f"$.severity.approaching[{index}].from"
    leads = []
    for i, lead in enumerate(entry["from"]):
        side, span = next(iter(lead.items()))
        unit, amount = next(iter(span.items()))
        value = scope.amount(amount, f"{path}[{i}]")
        leads.append(Lead(side == "before", value if unit == "days" else 0, value if unit == "hours" else 0))
    return Rung(entry["level"], tuple(leads))


def _duration(span: Mapping[str, Any], scope: Scope, path: str) -> int:
    unit, amount = next(iter(span.items()))
    return int(scope.amount(amount, path)) * (DAY if unit == "days" else HOUR)
