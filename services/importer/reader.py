"""Rows as events: what `casebus import` sends through the door."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from schemas.event import derived_id
from schemas.instants import format_instant
from services.importer.block import Block
from services.importer.conversion import rendered
from services.importer.lines import blocks, header
from services.importer.mapping import Mapping
from services.importer.plan import RowPlan, RowValues, compile_plan
from services.importer.rejection import Rejection, RowError


@dataclass(frozen=True, slots=True)
class Portion:
    """A run of the file: its events with their lines, its rejections, and the line to go on from."""

    lines: list[int]
    events: list[dict[str, Any]]
    rejections: list[Rejection]
    next_line: int


def portions(mapping: Mapping, path: Path, start: int = 2) -> Iterator[Portion]:
    """Read a file from line `start` on (the header is line 1) as CloudEvents in JSON form.

    A row that cannot become an event is a rejection with its line; reading goes on.

    Raises:
        FileMissingError, FileBrokenError, MappingError: the file or the mapping cannot be used at all.
    """
    plan = compile_plan(mapping, header(path, mapping.form))
    for block in blocks(path, mapping.form, max(start, 2)):
        yield _portion(mapping, plan, block)


def _portion(mapping: Mapping, plan: RowPlan, block: Block) -> Portion:
    lines: list[int] = []
    events: list[dict[str, Any]] = []
    rejections = list(block.rejections)
    for line, row in zip(block.lines, block.rows, strict=True):
        if not row:
            continue  # an empty line says nothing
        try:
            values = plan(line, row)
        except RowError as error:
            rejections.append(Rejection(line, error.code, error.column))
            continue
        if values is not None:
            lines.append(line)
            events.append(cloud_event(mapping.source, values))
    rejections.sort(key=lambda rejection: rejection.line)
    return Portion(lines, events, rejections, block.next_line)


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
