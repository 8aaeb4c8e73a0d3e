"""JSON lines as rows: one object a line; a column is a member's name, or a JSON Pointer (RFC 6901) from `/` on.

Numbers keep the digits they are written with: no float comes between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas.json_file import RepeatedNameError, unique
from services.importer.block import Block
from services.importer.lines import chunks, open_bytes
from services.importer.mapped_file import MappedFile
from services.importer.place import Place
from services.importer.position import Position
from services.importer.rejection import Rejection, RowError

Read = Callable[[Any], list[str]]
_WRITTEN = {True: "true", False: "false", None: ""}


class JsonLines(MappedFile):
    """Implements `Rows`; places are lines."""

    def blocks(self, position: Position) -> Iterator[Block]:
        """Yield the rows; raises FileBrokenError."""
        read = object_reader(self._mapping.columns)
        line, start = 1, position.next_line
        with open_bytes(self._path) as stream:
            for raw, overlong in chunks(self._path, stream):
                lines = raw.removesuffix(b"\n").split(b"\n")
                after = line + len(lines)
                if after > start:
                    yield self._block(read, lines, line, start, cut=overlong)
                line = after

    def _block(self, read: Read, lines: list[bytes], first: int, start: int, *, cut: bool) -> Block:
        places: list[Place] = []
        rows: list[list[str]] = []
        rejections: list[Rejection] = []
        last = first + len(lines) - 1
        for number, raw in enumerate(lines, first):
            if number < start or not raw.strip():
                continue  # an empty line says nothing
            if cut and number == last:
                rejections.append(Rejection(number, "importer.line_too_long"))
                continue
            try:
                row = read(raw.decode(self._mapping.form.encoding))
            except UnicodeDecodeError:
                rejections.append(Rejection(number, "importer.encoding"))
            except RowError as error:
                rejections.append(Rejection(number, error.code, error.column))
            else:
                places.append(number)
                rows.append(row)
        return Block(places, rows, rejections, {"next_line": last + 1})


def object_reader(columns: Sequence[str]) -> Read:
    """Return a reader of one JSON object as a row of the columns; it raises RowError for what is none."""
    pointers = [(column, pointer(column)) for column in columns]

    def read(text: Any) -> list[str]:
        try:
            document = json.loads(
                text, parse_float=str, parse_int=str, parse_constant=_refuse, object_pairs_hook=unique
            )
        except RepeatedNameError:
            raise RowError("importer.doubled") from None
        except (ValueError, RecursionError):
            raise RowError("importer.not_json") from None
        if not isinstance(document, dict):
            raise RowError("importer.not_json")
        return [_text(document, column, steps) for column, steps in pointers]

    return read


def pointer(column: str) -> tuple[str, ...]:
    """Return the steps from an object to a column's value."""
    if not column.startswith("/"):
        return (column,)
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in column[1:].split("/"))


def _text(document: dict[str, Any], column: str, steps: tuple[str, ...]) -> str:
    value: Any = document
    for step in steps:
        if not isinstance(value, dict):
            return ""
        value = value.get(step)
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise RowError("importer.not_one_value", column)
    return _WRITTEN[value]


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
