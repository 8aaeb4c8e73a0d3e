"""A mapping compiled against the header of a file: how each row is read, with every column already found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.importer.conversion import Convert, Value, conversion, instant_reader, midnight_reader
from services.importer.mapping import EventRule, FieldRule, Mapping, MappingError, Place
from services.importer.place import Place as RowPlace
from services.importer.place import sequence_key
from services.importer.rejection import RowError

CACHED_VALUES = 16_384
ORDINAL_DIGITS = 19


class FieldPlan(NamedTuple):
    """One field of one activity: where its text stands, how it is read (None: as it is), which texts mean no value."""

    name: str
    column: str
    place: int
    convert: Convert | None
    nil: frozenset[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a row of one activity becomes."""

    type: str
    fields: tuple[FieldPlan, ...]
    persons: tuple[str, ...] = ()


UNKNOWN = Recipe("", ())
"""Stands for an activity that the mapping does not name."""

RowValues = tuple[Recipe, str, int, str, str, dict[str, Value]]
"""What was read from one row: recipe, sequence, occurred_at (µs), subject, district, data."""

RowPlan = Callable[[RowPlace, list[str]], RowValues | None]
"""Reads the row at a place; None where its type is not wanted; raises RowError where it is no event."""


def compile_plan(
    mapping: Mapping,
    header: Sequence[str],
    types: Collection[str] | None = None,
    fields: MappingOf[str, Collection[str]] | None = None,
) -> RowPlan:
    """Compile a mapping against a header, for all its types or only the wanted ones and their wanted fields.

    Raises:
        MappingError: the file has no column of that name, or has it twice.
    """
    columns = _Columns(mapping.name, header)
    zone = ZoneInfo(mapping.zone)
    reader = midnight_reader if mapping.day_precision else instant_reader
    recipes = {
        rule.activity: None
        if types is not None and rule.type not in types
        else _recipe(rule, columns, zone, None if fields is None else fields.get(rule.type, ()))
        for rule in mapping.events
    }
    keep = [(column, columns.index(column), values) for column, values in mapping.keep.items()]
    sequence = _sequence([columns.index(column) for column in mapping.sequence])
    time, instant = columns.index(mapping.time_column), reader(zone, mapping.time_format)
    subject, district = _place(mapping.subject, columns), _place(mapping.district, columns)
    width, activity = len(header), columns.index(mapping.activity)

    def read(at: RowPlace, row: list[str]) -> RowValues | None:
        # The hot path of back-tests: what the closure holds is found faster than attributes of an object.
        if len(row) != width:
            raise RowError("importer.columns")
        recipe = recipes.get(row[activity], UNKNOWN)
        if recipe is None:
            return None
        if recipe is UNKNOWN:
            raise RowError("importer.activity", mapping.activity)
        for column, index, values in keep:
            if row[index] not in values:
                raise RowError("importer.not_kept", column)
        data = _data(recipe.fields, row) if recipe.fields else {}
        return recipe, sequence(at, row), instant(row[time]), subject(row), district(row), data

    return read


class _Columns:
    def __init__(self, mapping: str, header: Sequence[str]) -> None:
        self._mapping = mapping
        self._header = list(header)

    def index(self, column: str) -> int:
        found = self._header.count(column)
        if found != 1:
            reason = "no such column in the file" if not found else "the file has this column twice"
            raise MappingError(file=self._mapping, path=column, reason=reason)
        return self._header.index(column)


def _recipe(rule: EventRule, columns: _Columns, zone: ZoneInfo, wanted: Collection[str] | None) -> Recipe:
    chosen = [f for f in rule.fields if wanted is None or f.name in wanted]
    persons = tuple(f.name for f in chosen if f.kind == "person")
    return Recipe(rule.type, tuple(_field(f, columns, zone) for f in chosen), persons)


def _field(rule: FieldRule, columns: _Columns, zone: ZoneInfo) -> FieldPlan:
    plain = rule.kind == "text" and rule.codes is None
    convert = None if plain else lru_cache(CACHED_VALUES)(conversion(rule, zone))
    return FieldPlan(rule.name, rule.column, columns.index(rule.column), convert, rule.nil | {""}, rule.kind)


def _data(fields: tuple[FieldPlan, ...], row: list[str]) -> dict[str, Value]:
    data: dict[str, Value] = {}
    for name, column, index, convert, nil, _ in fields:
        text = row[index]
        if text in nil:
            continue
        if convert is None:
            data[name] = text
            continue
        try:
            data[name] = convert(text)
        except RowError as error:
            raise RowError(error.code, column) from None
    return data


def _place(place: Place, columns: _Columns) -> Callable[[list[str]], str]:
    if place.column is None:
        value = place.value or ""
        return lambda _: value
    index, column = columns.index(place.column), place.column

    def read(row: list[str]) -> str:
        if not row[index]:
            raise RowError("importer.empty", column)
        return row[index]

    return read


def _sequence(indexes: Sequence[int]) -> Callable[[RowPlace, list[str]], str]:
    """Return the reader of the source's sequence: the declared columns, or the place where none is declared."""
    if not indexes:
        return lambda at, _: sequence_key(at)
    if len(indexes) == 1:
        index = indexes[0]
        return lambda _, row: sequence_part(row[index])
    return lambda _, row: "/".join([sequence_part(row[index]) for index in indexes])


def sequence_part(text: str) -> str:
    """Render one part as `sequence_of` does: whole numbers are padded so that text order is their order."""
    if text.isdecimal() and text.isascii():
        if len(text) > ORDINAL_DIGITS or (text[0] == "0" and text != "0"):
            # 07 and 7 would be one and the same row of the source.
            raise RowError("importer.sequence")
        return text.zfill(20)
    if not text or "/" in text:
        raise RowError("importer.sequence")
    return text
