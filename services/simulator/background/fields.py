"""Filling a contract: one story's persons, enterprise and case numbers, the same in each of its events.

A field that may be absent is filled only where the story already knows its value: a case number stands in an event
once the case has one.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from schemas.checks import Parts
from schemas.codes import code_list
from schemas.contract import Contract, Field
from schemas.districts import CITY
from services.simulator import cast
from services.simulator.background.words import HASHES, INSTITUTIONS, LATER, NUMBERS, OTHERS, TEXTS
from services.simulator.days import days_after, local_day, local_text
from services.simulator.numbers import Numbers

_ENDING = re.compile(r"\d{4,}$")
_MAX_SMALL = 9
_AMOUNT_CENTS = (100_000, 20_000_000)
_DAY_US = 86_400_000_000


class Fields:
    """Fills the events of one story.

    `court` is the character of its court cases (刑初, 民初, 执), `minor` whether the person it is about is one.
    """

    def __init__(self, rng: random.Random, numbers: Numbers, district: str, court: str, *, minor: bool = False) -> None:
        self._rng = rng
        self._numbers = numbers
        self._district = district
        self._court = court
        self._minor = minor
        self._known: dict[tuple[str, str], Any] = {}

    def data(self, contract: Contract, publisher: str, at_us: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of an event in JSON form; `given` are the fields the story itself decides."""
        return {
            field.name: given[field.name]
            if field.name in given
            else self._value(field.name, field.base_type, field.extras, field.parts, (publisher, at_us))
            for field in contract.fields
            if field.name in given or not field.nullable or self._knows(field)
        }

    def _knows(self, field: Field) -> bool:
        if "format" in field.extras and field.base_type == "string":
            return _group(field.name, field.extras) in self._known
        if _is_person(field.base_type):
            return ("person", "other" if field.name in OTHERS else "") in self._known
        return ("name", field.name) in self._known

    def _value(self, name: str, kind: Any, extras: Mapping[str, Any], parts: Parts, of: tuple[str, int]) -> Any:  # noqa: PLR0911 - one return per kind of type
        match kind:
            case "string":
                return self._text(name, extras, of)
            case "boolean":
                return False
            case "int" | "long" | "double" | "float":
                return self._number(name, extras)
            case {"logicalType": "timestamp-micros"}:
                return local_text(of[1] + LATER.get(name, 0) * _DAY_US)
            case {"logicalType": "date"}:
                return days_after(local_day(of[1]), LATER.get(name, 0)).isoformat()
            case {"type": "fixed"}:
                return {"id_number": self._person("other" if name in OTHERS else "")}
            case {"type": "enum"}:
                return kind["symbols"][0]
            case {"type": "array"}:
                return [self._value(name, kind["items"], extras, parts, of)]
            case ["null", _]:
                return None
        return {
            part["name"]: self._value(
                part["name"], part["type"], parts.get(f"{kind['name']}.{part['name']}", {}), parts, of
            )
            for part in kind["fields"]
        }

    def _text(self, name: str, extras: Mapping[str, Any], of: tuple[str, int]) -> str:
        if "codes" in extras:
            return next(iter(code_list(extras["codes"])))
        if "format" in extras:
            return self._formatted(name, extras, of)
        if name in HASHES:
            return hashlib.sha256(self._known_as(name, name).encode()).hexdigest()[:32]
        if "example" in extras and name != "case_id":
            return self._like(name, str(extras["example"]))
        return TEXTS[name] if name in TEXTS else self._known_as(name, f"{self._district}-2025-")

    def _known_as(self, name: str, before: str) -> str:
        return str(self._once(("name", name), lambda: f"{before}{self._numbers.serial(name):05d}"))

    def _like(self, name: str, example: str) -> str:
        """Return a number written like the example of the contract, the same for one story and one way of writing."""
        if not _ENDING.search(example):
            return example
        stem = _ENDING.sub("", example).replace(cast.SHOWN_DISTRICT, self._district)
        width = len(example) - len(_ENDING.sub("", example))
        found = self._once(("like", stem), lambda: f"{stem}{self._numbers.serial(stem):0{width}d}")
        self._known.setdefault(("name", name), found)
        return str(found)

    def _formatted(self, name: str, extras: Mapping[str, Any], of: tuple[str, int]) -> str:
        if extras["format"] == "unit":
            return cast.office(self._district, of[0])
        if extras["format"] == "organisation":
            example = extras.get("example", f"police-{self._district}")
            return str(example[0] if isinstance(example, list) else example)
        if extras["format"] == "id_number":
            return self._person("")
        if extras["format"] == "district":
            return self._district
        group = _group(name, extras)
        return str(self._once(group, lambda: self._make(extras["format"], of[1])))

    def _make(self, kind: str, at_us: int) -> str:
        day, made = local_day(at_us), self._numbers
        match kind:
            case "uscc":
                return made.enterprise(CITY)
            case "police_case_number":
                return made.police_case(cast.unit_of(self._district, "investigation"), day)
            case "acceptance_number":
                return made.acceptance(cast.unit_of(self._district, "investigation"), day)
            case "court_case_number":
                return made.later_court_case(self._district, day, self._court)
        return made.of_kind(kind, self._district, day)

    def _number(self, name: str, extras: Mapping[str, Any]) -> int | float:
        if name in NUMBERS:
            return NUMBERS[name]
        low, high = extras.get("min", 1), extras.get("max", _MAX_SMALL)
        bounds = _AMOUNT_CENTS if name.endswith("_cents") else (max(1, low), high)
        return int(self._once(("name", name), lambda: self._rng.randint(*bounds)))

    def _person(self, who: str) -> str:
        return str(self._once(("person", who), lambda: self._numbers.person(CITY, minor=self._minor and not who)))

    def _once(self, key: tuple[str, str], make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def _group(name: str, extras: Mapping[str, Any]) -> tuple[str, str]:
    """Name what a field of a format stands for in its story: the case, its enterprise, an institution, another case."""
    kind = extras["format"]
    if kind == "uscc":
        return kind, "institution" if name.startswith(INSTITUTIONS) else ""
    return kind, name if kind == "clue_number" and name != "clue_no" else ""


def _is_person(kind: Any) -> bool:
    return isinstance(kind, dict) and kind.get("type") == "fixed"
