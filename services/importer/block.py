"""A run of rows out of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.importer.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Block:
    """A run of rows with their line numbers (the header is line 1), and the lines that are no rows."""

    lines: Sequence[int]
    rows: list[list[str]]
    rejections: list[Rejection]
    next_line: int
