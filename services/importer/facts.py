"""A plain file as facts: back-testing history without a node.

Only the wanted types and fields are read; ids, sequences and times are those the same rows get through the door.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as MappingOf
from pathlib import Path

from services.importer.mapping import Mapping
from services.importer.opening import open_file
from services.importer.plan import compile_plan
from services.importer.position import Position
from services.importer.rejection import Rejection, RowError
from streams.supervision.fact import Fact

_VERSION = [bytes([(byte & 0x0F) | 0x80]) for byte in range(256)]
_VARIANT = [bytes([(byte & 0x3F) | 0x80]) for byte in range(256)]


def facts(
    mapping: Mapping,
    path: Path,
    types: Collection[str],
    fields: MappingOf[str, Collection[str]],
    on_reject: Callable[[Rejection], None] = lambda _: None,
) -> Iterator[Fact]:
    """Yield the facts of a file, in file order.

    `types` and `fields` are what the models declared: other rows and columns are not read. A row that cannot be read
    goes to `on_reject`. History has no time of recording of its own: `recorded_at` is `occurred_at`.

    Raises:
        FileMissingError, FileBrokenError, MappingError: the file or the mapping cannot be used at all.
    """
    rows = open_file(mapping, path)
    read = compile_plan(mapping, rows.columns(), types, fields)
    identify, source = identifier(mapping.source), mapping.source
    for block in rows.blocks(Position()):
        for rejection in block.rejections:
            on_reject(rejection)
        for place, row in zip(block.places, block.rows, strict=True):
            try:
                values = read(place, row) if row else None
            except RowError as error:
                on_reject(Rejection(place, error.code, error.column))
                continue
            if values is None:
                continue
            recipe, sequence, occurred, subject, district, data = values
            for name in recipe.persons:
                if name in data:
                    data[name] = stand_in(str(data[name]))
            yield Fact(identify(sequence), recipe.type, source, sequence, occurred, occurred, district, subject, data)


def identifier(source: str) -> Callable[[str], bytes]:
    """Return `schemas.event.derived_id` for one source, the part of its digest that never changes computed once."""
    prefix = hashlib.sha256(f"casebus-event-v1\0{source}\0".encode())

    def identify(sequence: str) -> bytes:
        digest = prefix.copy()
        digest.update(sequence.encode())
        raw = digest.digest()
        return raw[:6] + _VERSION[raw[6]] + raw[7:8] + _VARIANT[raw[8]] + raw[9:16]

    return identify


def stand_in(number: str) -> bytes:
    """Return what stands for a person without a node and its linkage key: the same number, the same 33 bytes."""
    return b"\x01" + hashlib.sha256(f"casebus-backtest-person\0{number}".encode()).digest()
