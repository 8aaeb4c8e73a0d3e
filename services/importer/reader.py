"""Rows as events: what `casebus import` sends through the door."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.event import derived_id
from schemas.instants import format_instant
from services.importer.block import Block
from services.importer.conversion import rendered
from services.importer.mapping import Mapping
from services.importer.place import Place, order
from services.importer.plan import RowPlan, RowValues, compile_plan
from services.importer.position import Position
from services.importer.rejection import Rejection, RowError
from services.importer.rows import Rows


@dataclass(frozen=True, slots=True)
class Portion:
    """A run of rows: its events with their places, its rejections, and how far reading has come."""

    places: list[Place]
    events: list[dict[str, Any]]
    rejections: list[Rejection]
    reached: MappingOf[str, Any]


def portions(mapping: Mapping, rows: Rows, position: Position | None = None) -> Iterator[Portion]:
    """Read rows after a position as CloudEvents in JSON form.

    A row that cannot become an event is a rejection with its place; reading goes on.

    Raises:
        CasebusError: the rows or the mapping cannot be used at all.
    """
    plan = compile_plan(mapping, rows.columns())
    for block in rows.blocks(position or Position()):
        yield _portion(mapping, plan, block)


def _portion(mapping: Mapping, plan: RowPlan, block: Block) -> Portion:
    places: list[Place] = []
    events: list[dict[str, Any]] = []
    rejections = list(block.rejections)
    for place, row in zip(block.places, block.rows, strict=True):
        if not row:
            continue  # an empty line says nothing
        try:
            values = plan(place, row)
        except RowError as error:
            rejections.append(Rejection(place, error.code, error.column))
            continue
        if values is not None:
            places.append(place)
            events.append(cloud_event(mapping.source, values))
    rejections.sort(key=lambda rejection: order(rejection.place))
    return Portion(places, events, rejections, block.reached)


def cloud_event(source: str, values: RowValues) -> dict[str, Any]:
    """Render what was read as a CloudEvents 1.0 event in JSON form; its id derives from source and sequence."""
    recipe, sequence, occurred_at, subject, district, data = values
    kinds = {field.name: field.kind for field in recipe.fields}
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(source, sequence))),
        "type": recipe.type,
        "source": source,
        "sequence": sequence,
        "subject": subject,
        "time": _time(occurred_at),
        "district": district,
        "datacontenttype": "application/json",
        "data": {name: rendered(kinds[name], value) for name, value in data.items()},
    }


@lru_cache(65_536)
def _time(us: int) -> str:
    return format_instant(us)
