"""The inputs of a model: which events it takes, which of their fields it asks for, and when they count as happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.supervision.condition import Predicate, compile_condition
from streams.supervision.errors import FieldTypeError, UnknownFieldError
from streams.supervision.fact import Fact
from streams.supervision.scope import FieldType, Scope

KeyOf = Callable[[Fact], str | None]
AtOf = Callable[[Fact], int]


@dataclass(frozen=True)
class Input:
    """One alias of a model.

    Attributes:
        types: the event types it takes.
        fields: the fields the model asks for, with their types.
        where: the condition, or None.
        at: the field that says when the event counts as happened (an instant or a day); None: its occurred_at.
    """

    alias: str
    types: tuple[str, ...]
    fields: Mapping[str, FieldType]
    where: Predicate | None
    at: str | None

    @property
    def by_day(self) -> bool:
        """Whether its time is a day, not an instant."""
        return self.at is not None and self.fields[self.at] == "day"

    def starts(self, scope: Scope) -> AtOf | None:
        """Return when such an event starts something; a day starts with its first instant. None: its occurred_at."""
        if self.at is None:
            return None
        return _day_of(self.at, scope.zone.start) if self.by_day else _instant_of(self.at)

    def ends(self, scope: Scope) -> AtOf | None:
        """Return when such an event ends something; a day counts to its last instant. None: its occurred_at."""
        if self.at is None or not self.by_day:
            return self.starts(scope)
        return _day_of(self.at, lambda day: scope.zone.end(day) - 1)


def _instant_of(name: str) -> AtOf:
    def at(fact: Fact) -> int:
        found = fact.data.get(name)
        return fact.occurred_at if found is None else found

    return at


def _day_of(name: str, edge: Callable[[int], int]) -> AtOf:
    def at(fact: Fact) -> int:
        found = fact.data.get(name)
        return fact.occurred_at if found is None else edge(found)

    return at


def compile_inputs(document: Mapping[str, Any], scope: Scope) -> dict[str, Input]:
    """Compile every input.

    Raises:
        UnknownFieldError, FieldTypeError, UnknownParamError: with file and path.
    """
    return {alias: _input(alias, spec, scope) for alias, spec in document["inputs"].items()}


def _input(alias: str, spec: Mapping[str, Any], scope: Scope) -> Input:
    path = f"$.inputs.{alias}"
    fields: dict[str, FieldType] = {
        name: tuple(kind) if isinstance(kind, list) else kind for name, kind in spec.get("fields", {}).items()
    }
    where = spec.get("where")
    at = spec.get("at")
    if at is not None and at not in fields:
        raise scope.error(UnknownFieldError, f"{path}.at", name=at)
    if at is not None and fields[at] not in ("instant", "day"):
        raise scope.error(FieldTypeError, f"{path}.at", name=at)
    return Input(
        alias=alias,
        types=(spec["type"],) if "type" in spec else tuple(spec["types"]),
        fields=fields,
        where=None if where is None else compile_condition(where, fields, scope, f"{path}.where"),
        at=at,
    )


def compile_key(names: str | Sequence[str], inputs: Mapping[str, Input], scope: Scope) -> KeyOf:
    """Return the function from a fact to its key, or None where the fact lacks a part of it.

    Raises:
        UnknownFieldError: an input does not declare a field of the key.
        FieldTypeError: a key is made of texts, numbers, codes and person keys.
    """
    if isinstance(names, str):
        return lambda fact: fact.subject
    for alias, declared in inputs.items():
        for name in names:
            if name not in declared.fields:
                raise scope.error(UnknownFieldError, f"$.inputs.{alias}.fields", name=name)
            if declared.fields[name] in ("bool", "instant", "day"):
                raise scope.error(FieldTypeError, f"$.inputs.{alias}.fields.{name}", name=name)
    if len(names) == 1:
        only = names[0]
        return lambda fact: _part(fact.data.get(only))
    return lambda fact: _joined([_part(fact.data.get(name)) for name in names])


def _part(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.hex()
    return None if value is None else str(value)


def _joined(parts: list[str | None]) -> str | None:
    """Join with `|`; one inside a part is written `~p`, so two different keys never read the same."""
    if None in parts:
        return None
    return "|".join([part.replace("~", "~~").replace("|", "~p") for part in parts if part is not None])


def field_list(inputs: Mapping[str, Input]) -> dict[str, tuple[str, ...]]:
    """Return event type → the fields the model asks for, sorted."""
    wanted: dict[str, set[str]] = {}
    for declared in inputs.values():
        for event_type in declared.types:
            wanted.setdefault(event_type, set()).update(declared.fields)
    return {event_type: tuple(sorted(names)) for event_type, names in sorted(wanted.items())}
