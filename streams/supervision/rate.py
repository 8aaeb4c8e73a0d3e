"""Which limit applies: selected by a field, by the law in force on the day the clock started, computed once per day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.legal_clock import Deadline, Limit, WorkCalendar, reckon
from streams.legal_clock.deadline import reckon_day
from streams.legal_clock.limit import UNITS
from streams.supervision.errors import FieldTypeError, UnknownFieldError
from streams.supervision.fact import Fact
from streams.supervision.inputs import Input
from streams.supervision.scope import BEGINNING, END, Law, Scope

REMEMBERED = 100_000
"""Deadlines kept per rate and rolling: every day of two hundred years."""


@dataclass(frozen=True)
class Course:
    """What days are reckoned with: the scope (its zone) and the calendar of working days."""

    scope: Scope
    calendar: WorkCalendar | None


@dataclass(frozen=True)
class Rate:
    """One limit with the article it rests on.

    Attributes:
        fixed: the limit, where it is a constant or a parameter.
        sized: unit → the field of the event that sets it.
        known: the deadlines reckoned so far, by (local day, rolls).
    """

    law: Law
    fixed: Limit
    sized: Mapping[str, str] = field(default_factory=dict)
    known: dict[tuple[int, bool], Deadline] = field(default_factory=dict, compare=False, repr=False)

    def limit(self, fact: Fact) -> Limit | None:
        """Return the limit for an event; None where the field that sets it is absent or negative."""
        if not self.sized:
            return self.fixed
        amounts = {unit: getattr(self.fixed, unit) for unit in UNITS}
        for unit, name in self.sized.items():
            amount = fact.data.get(name)
            if not isinstance(amount, int) or amount < 0:
                return None
            amounts[unit] = amount
        return Limit(**amounts)

    def deadline(self, fact: Fact, start: int, day: int, course: Course, roll: bool) -> Deadline | None:  # noqa: FBT001
        """Return the deadline of a clock that started at `start`, on the local `day`; None where there is no limit."""
        if self.sized or self.fixed.hours:
            limit = self.limit(fact)
            return None if limit is None else reckon(limit, start, course.scope.zone, course.calendar, roll=roll)
        known = self.known.get((day, roll))
        if known is None:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            known = reckon_day(self.fixed, day, course.scope.zone, course.calendar, roll=roll)
            self.known[day, roll] = known
        return known


Choose = Callable[[Fact, int], Rate | None]
"""(opening event, local day) → the rate in force, or None."""


def compile_choice(spec: Any, opener: Input, scope: Scope, path: str) -> Choose:
    """Compile the `limit` of a pattern.

    Raises:
        UnknownFieldError, FieldTypeError, UnknownParamError, UnknownLawError: with file and path.
    """
    if isinstance(spec, list) or "by" not in spec:
        return _in_force(compile_rates(spec, opener, scope, path))
    name = spec["by"]
    if name not in opener.fields:
        raise scope.error(UnknownFieldError, f"{path}.by", name=name)
    kind = opener.fields[name]
    for case in spec["cases"]:
        if (isinstance(kind, tuple) and case not in kind) or (not isinstance(kind, tuple) and kind != "text"):
            raise scope.error(FieldTypeError, f"{path}.cases.{case}", name=name)
    cases = {
        case: _in_force(compile_rates(entry, opener, scope, f"{path}.cases.{case}"))
        for case, entry in spec["cases"].items()
    }
    otherwise = spec.get("otherwise")
    rest = None if otherwise is None else _in_force(compile_rates(otherwise, opener, scope, f"{path}.otherwise"))

    def choose(fact: Fact, day: int) -> Rate | None:
        chosen = cases.get(fact.data.get(name, ""), rest)
        return None if chosen is None else chosen(fact, day)

    return choose


def compile_rates(spec: Any, source: Input, scope: Scope, path: str) -> tuple[Rate, ...]:
    """Compile one limit or several that followed each other in law; amounts may name a field of `source`."""
    if isinstance(spec, list):
        return tuple(compile_rates(entry, source, scope, f"{path}[{i}]")[0] for i, entry in enumerate(spec))
    law = scope.law(spec["basis"], f"{path}.basis")
    fixed, sized = {}, {}
    for unit in UNITS:
        amount = scope.amount(spec.get(unit, 0), f"{path}.{unit}")
        if isinstance(amount, dict):
            name = amount["field"]
            if name not in source.fields:
                raise scope.error(UnknownFieldError, f"{path}.{unit}", name=name)
            if source.fields[name] != "int":
                raise scope.error(FieldTypeError, f"{path}.{unit}", name=name)
            sized[unit] = name
        else:
            fixed[unit] = amount
    return (Rate(law, Limit(**fixed), sized),)


def _in_force(rates: tuple[Rate, ...]) -> Choose:
    only = rates[0]
    if len(rates) == 1 and only.law.valid_from == BEGINNING and only.law.valid_to == END:
        return lambda _, __: only
    if len(rates) == 1:
        return lambda _, day: only if only.law.in_force(day) else None
    return lambda _, day: next((rate for rate in rates if rate.law.in_force(day)), None)
