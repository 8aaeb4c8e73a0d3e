"""What the parts of one model file may name: its parameters, its articles, its inputs and their fields.

A model compiles against its own lists alone. Whether the listed fields exist in the contracts is a question of its own
(`streams.supervision.agreement`), so a model from outside the repository can be read without any contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal

from streams.legal_clock import LocalZone
from streams.legal_clock.zone import to_day
from streams.supervision.errors import (
    ModelError,
    ParamRangeError,
    SchemaMismatchError,
    UnknownLawError,
    UnknownParamError,
)

PlainType = Literal["text", "int", "bool", "instant", "day", "person"]
FieldType = PlainType | tuple[str, ...]
"""The type of a field; a tuple lists the values of an enumeration."""

BEGINNING = -(10**9)
END = 10**9


@dataclass(frozen=True)
class Law:
    """An article a limit rests on, or a parameter of ours that stands in for one.

    Attributes:
        kind: `law`, or `parameter`: ours, and shown as such.
        valid_from, valid_to: the days [first, last] it is in force, as day numbers.
    """

    id: str
    kind: Literal["law", "parameter"]
    article: str
    title: Mapping[str, str]
    valid_from: int = BEGINNING
    valid_to: int = END

    def in_force(self, day: int) -> bool:
        """Say whether it was in force on a local day."""
        return self.valid_from <= day <= self.valid_to

    @cached_property
    def as_dict(self) -> Mapping[str, str]:
        """It as an alert shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "article": self.article,
            "zh": self.title["zh"],
            "en": self.title["en"],
        }


@dataclass(frozen=True)
class Param:
    """A parameter: its value, its range and the article that sets it; without an article it is ours."""

    name: str
    value: int
    least: int
    most: int
    unit: str
    title: Mapping[str, str]
    basis: str | None

    @property
    def ours(self) -> bool:
        """Whether no article sets it; shown as a parameter, never as a legal limit."""
        return self.basis is None


@dataclass(frozen=True)
class Scope:
    """The names one model file declares."""

    file: str
    zone: LocalZone
    laws: Mapping[str, Law]
    params: Mapping[str, Param]

    def error(self, kind: type[ModelError], path: str, **fields: Any) -> ModelError:
        """Make an error that names the file and the place."""
        return kind(file=self.file, path=path, **fields)

    def law(self, name: str, path: str) -> Law:
        """Return a cited article."""
        if name not in self.laws:
            raise self.error(UnknownLawError, path, name=name)
        return self.laws[name]

    def amount(self, value: Any, path: str) -> Any:
        """Return a number, the value of a `$param`, or the `{field: …}` mapping as it is."""
        if isinstance(value, str) and value.startswith("$"):
            return self.param(value[1:], path).value
        if isinstance(value, str):
            raise self.error(SchemaMismatchError, path, reason="a number or $param is needed")
        return value

    def value(self, value: Any, path: str) -> Any:
        """Return a value to compare with: a constant, or the value of a `$param`."""
        return self.param(value[1:], path).value if isinstance(value, str) and value.startswith("$") else value

    def param(self, name: str, path: str) -> Param:
        """Return a declared parameter."""
        if name not in self.params:
            raise self.error(UnknownParamError, path, name=name)
        return self.params[name]


def read_scope(document: Mapping[str, Any], zone: LocalZone, file: str, overrides: Mapping[str, int]) -> Scope:
    """Read articles and parameters; `overrides` replaces defaults, within their ranges.

    Raises:
        UnknownLawError, UnknownParamError, ParamRangeError, SchemaMismatchError: with file and path.
    """
    laws = {name: _law(name, spec, file) for name, spec in document["law"].items()}
    specs = document.get("params", {})
    for name in overrides:
        if name not in specs:
            raise UnknownParamError(file=file, path="$.params", name=name)
    params = {name: _param(name, spec, overrides.get(name), laws, file) for name, spec in specs.items()}
    return Scope(file, zone, laws, params)


def _law(name: str, spec: Mapping[str, Any], file: str) -> Law:
    first, last = (_day(spec.get(key), fallback, f"$.law.{name}.{key}", file) for key, fallback in _BOUNDS)
    return Law(name, spec["kind"], spec["article"], spec["title"], first, last)


_BOUNDS = (("valid_from", BEGINNING), ("valid_to", END))


def _day(text: str | None, fallback: int, path: str, file: str) -> int:
    if text is None:
        return fallback
    try:
        return to_day(date.fromisoformat(text))
    except ValueError as error:
        raise SchemaMismatchError(file=file, path=path, reason="no such day") from error


def _param(name: str, spec: Mapping[str, Any], wanted: int | None, laws: Mapping[str, Law], file: str) -> Param:
    value = spec["default"] if wanted is None else wanted
    if not spec["min"] <= value <= spec["max"]:
        raise ParamRangeError(file=file, path=f"$.params.{name}", name=name, least=spec["min"], most=spec["max"])
    basis = spec.get("basis")
    if basis is not None and basis not in laws:
        raise UnknownLawError(file=file, path=f"$.params.{name}.basis", name=basis)
    return Param(name, value, spec["min"], spec["max"], spec["unit"], spec["title"], basis)
