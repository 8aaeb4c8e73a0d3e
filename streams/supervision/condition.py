"""Conditions on the fields of one event: structured, typed, compiled to plain functions.

A comparison with a field that is absent is false, whatever it compares; `present: false` asks for absence, and `not`
turns any condition round. Parameters are named `$name`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streams.supervision.errors import FieldTypeError, UnknownFieldError
from streams.supervision.scope import FieldType, Scope

Data = Mapping[str, Any]
Predicate = Callable[[Data], bool]

_ORDERED = {"int", "instant", "day"}


def compile_condition(spec: Mapping[str, Any], fields: Mapping[str, FieldType], scope: Scope, path: str) -> Predicate:
    """Return the predicate of a condition.

    Raises:
        UnknownFieldError: the field is not in the input's list.
        FieldTypeError: the field cannot be compared like that, or the value is none of its values.
        UnknownParamError: `$name` is not declared.
    """
    if "all" in spec:
        return _all([compile_condition(s, fields, scope, f"{path}.all[{i}]") for i, s in enumerate(spec["all"])])
    if "any" in spec:
        return _any([compile_condition(s, fields, scope, f"{path}.any[{i}]") for i, s in enumerate(spec["any"])])
    if "not" in spec:
        inner = compile_condition(spec["not"], fields, scope, f"{path}.not")
        return lambda data: not inner(data)
    name = spec["field"]
    if name not in fields:
        raise scope.error(UnknownFieldError, path, name=name)
    operator = next(key for key in spec if key != "field")
    return _comparison(name, fields[name], operator, spec[operator], scope, path)


def _comparison(name: str, kind: FieldType, operator: str, value: Any, scope: Scope, path: str) -> Predicate:
    if operator == "present":
        return (lambda data: data.get(name) is not None) if value else (lambda data: data.get(name) is None)
    if operator in ("at_least", "at_most"):
        bound = scope.amount(value, path)
        if kind not in _ORDERED or not isinstance(bound, int):
            raise scope.error(FieldTypeError, path, name=name)
        return _bounded(name, bound, at_least=operator == "at_least")
    values = [scope.value(v, path) for v in (value if operator == "in" else [value])]
    if not all(fits(kind, v) for v in values):
        raise scope.error(FieldTypeError, path, name=name)
    if kind == "bool":
        # 1 == True in Python; a truth value is compared as one.
        wanted_truth = values[0]
        return lambda data: data.get(name) is wanted_truth
    wanted = frozenset(values)
    return lambda data: data.get(name) in wanted


def _bounded(name: str, bound: int, *, at_least: bool) -> Predicate:
    def check(data: Data) -> bool:
        found = data.get(name)
        return found is not None and (found >= bound if at_least else found <= bound)

    return check


def fits(kind: FieldType, value: Any) -> bool:
    """Say whether a value may stand in a field of this type."""
    if isinstance(kind, tuple):
        return value in kind
    if kind == "bool":
        return isinstance(value, bool)
    if kind in _ORDERED:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind == "text" and isinstance(value, str)


def _all(parts: list[Predicate]) -> Predicate:
    return lambda data: all(part(data) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    return lambda data: any(part(data) for part in parts)
