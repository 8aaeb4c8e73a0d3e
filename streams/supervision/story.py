"""An inline test of a model as facts: short stories in local time, everything unsaid filled in plainly.

    {on: accepted, id: a, at: "2025-03-03T09:00", data: {case_kind: criminal}}

`on` names an input; `at` is local time; `reported` (default: `at`) is when the gateway took it. Fields of the key, the
field that tells the time, and truth values have defaults; a person is any word. Sources are named by the first word of
the event type (`police`, `court`), and are complete up to the clock unless `marks` says otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from streams.legal_clock.zone import to_day
from streams.supervision.errors import BadTestError
from streams.supervision.fact import Fact
from streams.supervision.inputs import Input
from streams.supervision.marks import Marks, Registration, SourceDirectory
from streams.supervision.model import Model
from streams.supervision.scope import FieldType

DISTRICT = "990101"
PERSON = "someone"


@dataclass(frozen=True)
class Chapter:
    """Facts that arrive together, and the marks at which they are looked at."""

    facts: tuple[Fact, ...]
    marks: Marks


@dataclass(frozen=True)
class Story:
    """One inline test.

    Attributes:
        chapters: what arrives, in order; the last one is looked at by the test's own clock.
        expect: the alerts that must have been published, in their last states, as the file says them.
    """

    name: str
    path: str
    chapters: tuple[Chapter, ...]
    expect: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact of the story."""
        return tuple(fact for chapter in self.chapters for fact in chapter.facts)


def read_stories(model: Model) -> list[Story]:
    """Read every inline test of a model.

    Raises:
        BadTestError: a time, a name or a value cannot be read; names file and path.
    """
    tests = model.document["tests"]
    return [_Reader(model, f"$.tests[{i}]").story(test) for i, test in enumerate(tests)]


def event_id(name: str) -> bytes:
    """Return the id of an event called `name` in a story."""
    return name.encode().ljust(16, b"\0")[:16]


def directory_of(model: Model) -> SourceDirectory:
    """Return the sources of a model's stories: one for the first word of its event types."""
    agencies: dict[str, set[str]] = {}
    for event_type in model.types:
        agencies.setdefault(event_type.partition(".")[0], set()).add(event_type)
    return SourceDirectory(Registration(agency, frozenset(types)) for agency, types in sorted(agencies.items()))


class _Reader:
    def __init__(self, model: Model, path: str) -> None:
        self._model = model
        self._path = path
        self._directory = directory_of(model)

    def story(self, test: Mapping[str, Any]) -> Story:
        chapters: list[Chapter] = []
        facts: list[Fact] = []
        for i, line in enumerate(test["given"]):
            if "clock" in line:
                chapters.append(Chapter(tuple(facts), self._marks(line, f"given[{i}]")))
                facts = []
            else:
                facts.append(self._fact(line, i))
        chapters.append(Chapter(tuple(facts), self._marks(test, "clock")))
        return Story(test["name"], self._path, tuple(chapters), tuple(test["expect"]))

    def _marks(self, line: Mapping[str, Any], place: str) -> Marks:
        clock = self._instant(line["clock"], place)
        sources = dict.fromkeys(self._directory.sources, clock)
        for source, mark in line.get("marks", {}).items():
            if source not in sources:
                raise self._bad(place, "no such source in marks")
            sources[source] = self._instant(mark, place)
        return Marks(clock, sources, self._directory)

    def _fact(self, line: Mapping[str, Any], index: int) -> Fact:
        place = f"given[{index}]"
        declared = self._model.inputs.get(line["on"])
        if declared is None:
            raise self._bad(place, "no such input")
        event_type = line.get("type", declared.types[0])
        if event_type not in declared.types:
            raise self._bad(place, "the input does not take this type")
        at = self._instant(line["at"], place)
        said = line.get("data", {})
        unknown = [name for name in said if name not in declared.fields]
        if unknown:
            raise self._bad(place, f"the input has no field {unknown[0]}")
        supersedes = line.get("supersedes")
        return Fact(
            event_id(line["id"]),
            event_type,
            line.get("source", event_type.partition(".")[0]),
            f"{index:020d}",
            at,
            self._instant(line["reported"], place) if "reported" in line else at,
            line.get("district", DISTRICT),
            line.get("subject", "S1"),
            self._data(declared, said, at, place),
            None if supersedes is None else event_id(supersedes),
        )

    def _data(self, declared: Input, said: Mapping[str, Any], at: int, place: str) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, kind in declared.fields.items():
            value = self._value(kind, said[name], f"{place}.data.{name}") if name in said else None
            if value is None and name not in said:
                value = self._default(declared, name, kind, at)
            if value is not None:
                data[name] = value
        return data

    def _default(self, declared: Input, name: str, kind: FieldType, at: int) -> Any:
        if name == declared.at:
            return self._model.zone.day(at) if kind == "day" else at
        if kind == "person":
            return person(PERSON)
        if kind == "bool":
            return False
        return "K1" if name in self._model.key_names and kind == "text" else None

    def _value(self, kind: FieldType, value: Any, place: str) -> Any:
        if value is None:
            return None
        if kind == "instant":
            return self._instant(value, place)
        if kind == "day":
            return self._day(value, place)
        if kind == "person":
            return person(str(value))
        wanted = {"int": int, "bool": bool}.get(kind, str) if isinstance(kind, str) else str
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise self._bad(place, "wrong type of value")
        if isinstance(kind, tuple) and value not in kind:
            raise self._bad(place, "no such value")
        return value

    def _instant(self, text: object, place: str) -> int:
        try:
            return self._model.zone.instant(datetime.fromisoformat(str(text)))
        except ValueError as error:
            raise self._bad(place, "no such time") from error

    def _day(self, text: object, place: str) -> int:
        try:
            return to_day(date.fromisoformat(str(text)))
        except ValueError as error:
            raise self._bad(place, "no such day") from error

    def _bad(self, place: str, reason: str) -> BadTestError:
        return BadTestError(file=self._model.file, path=f"{self._path}.{place}", reason=reason)


def person(name: str) -> bytes:
    """Return a person key for a word: of the right shape, and nobody's."""
    return b"\x01" + hashlib.sha256(name.encode()).digest()
