"""The mapping file: how the rows of a file become events.

One YAML file, checked against `mapping.schema.json`, says the source, the file's form, which column tells the activity,
and per activity the event type and its fields. Nothing in it is code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jsonschema
import yaml

from schemas.errors import NotFoundError, UsageError


class MappingError(UsageError):
    """A mapping file that does not say clearly how to read a file."""

    code: ClassVar[str] = "importer.mapping"


class MappingMissingError(NotFoundError):
    """The mapping file is not there."""

    code: ClassVar[str] = "importer.mapping_missing"


@dataclass(frozen=True)
class FileForm:
    """How the file is written; an empty `form` is told by the file's name."""

    form: str = ""
    delimiter: str = ","
    encoding: str = "utf-8"
    multiline: bool = False


@dataclass(frozen=True)
class TableForm:
    """Which table of a database: its name, a schema's name and a dot before it where it has one, and its key column."""

    name: str
    key: str


@dataclass(frozen=True)
class Place:
    """Where a value comes from: a column, or one value for every row."""

    column: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class FieldRule:
    """How one column becomes one field of a contract."""

    name: str
    column: str
    kind: str = "text"
    nil: frozenset[str] = frozenset()
    true: frozenset[str] = frozenset({"true"})
    false: frozenset[str] = frozenset({"false"})
    format: str | None = None
    codes: MappingOf[str, str] | None = None


@dataclass(frozen=True)
class EventRule:
    """What a row of one activity becomes."""

    activity: str
    type: str
    fields: tuple[FieldRule, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """A checked mapping file.

    Attributes:
        sequence: columns of the source's own sequence key; empty where the row's place stands for it.
        table: the table, where rows come from a database.
        complete_to: microseconds up to which the file holds everything, or None where it does not say.
        digest: SHA-256 of the file, hex.
    """

    name: str
    source: str
    zone: str
    form: FileForm
    activity: str
    time_column: str
    time_format: str | None
    day_precision: bool
    subject: Place
    district: Place
    sequence: tuple[str, ...]
    keep: MappingOf[str, frozenset[str]]
    complete_to: int | None
    events: tuple[EventRule, ...]
    table: TableForm | None = None
    digest: str = ""
    title: MappingOf[str, str] = field(default_factory=dict)

    @property
    def types(self) -> frozenset[str]:
        """The event types this mapping produces."""
        return frozenset(rule.type for rule in self.events)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column the mapping names, once, in the order in which it first names it."""
        places = (self.subject.column, self.district.column)
        fields = (field.column for rule in self.events for field in rule.fields)
        named = (self.activity, self.time_column, *filter(None, places), *self.sequence, *self.keep, *fields)
        return tuple(dict.fromkeys(named))


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        MappingMissingError: there is no such file.
        MappingError: it is not YAML, or does not fit the schema; names the file, the place and the reason.
    """
    raw, document = _read(path)
    problem = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if problem is not None:
        raise MappingError(file=path.name, path=problem.json_path, reason=problem.message)
    return _mapping(path.name, document, hashlib.sha256(raw).hexdigest())


def problems(path: Path) -> list[jsonschema.ValidationError]:
    """Return everything in which a mapping file does not fit the schema, raising as `load_mapping` does."""
    _, document = _read(path)
    return sorted(_validator().iter_errors(document), key=lambda problem: problem.json_path)


def _read(path: Path) -> tuple[bytes, Any]:
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MappingMissingError(file=path.name) from error
    try:
        return raw, yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f"line {place.line + 1}" if place else "-"
        raise MappingError(file=path.name, path=where, reason="not YAML") from error


@cache
def _validator() -> Any:
    schema = json.loads(Path(__file__).with_name("mapping.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _mapping(file: str, document: dict[str, Any], digest: str) -> Mapping:
    try:
        zone = ZoneInfo(document["zone"])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise MappingError(file=file, path="$.zone", reason="unknown time zone") from error
    time = document["time"]
    return Mapping(
        name=document["name"],
        title=document.get("title", {}),
        source=document["source"],
        zone=document["zone"],
        form=FileForm(**document.get("file", {})),
        activity=document["activity"],
        time_column=time["column"],
        time_format=time.get("format"),
        day_precision=time.get("precision", "instant") == "day",
        subject=Place(**document["subject"]),
        district=Place(**document["district"]),
        sequence=tuple(document.get("sequence", ())),
        keep={column: frozenset(values) for column, values in document.get("keep", {}).items()},
        complete_to=_end_of_day(file, document.get("complete_to"), zone),
        events=tuple(_event_rule(activity, rule) for activity, rule in document["events"].items()),
        table=TableForm(**document["table"]) if "table" in document else None,
        digest=digest,
    )


def _event_rule(activity: str, rule: dict[str, Any]) -> EventRule:
    fields = (
        FieldRule(
            name=name,
            column=spec["column"],
            kind=spec.get("as", "text"),
            nil=frozenset(spec.get("nil", ())),
            true=frozenset(spec.get("true", ("true",))),
            false=frozenset(spec.get("false", ("false",))),
            format=spec.get("format"),
            codes=spec.get("codes"),
        )
        for name, spec in rule.get("fields", {}).items()
    )
    return EventRule(activity, rule["type"], tuple(fields))


def _end_of_day(file: str, text: str | None, zone: ZoneInfo) -> int | None:
    """Return the first instant after the local day: everything before it is in the file."""
    if text is None:
        return None
    try:
        next_day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise MappingError(file=file, path="$.complete_to", reason="no such day") from error
    midnight = datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone)
    return (midnight - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
