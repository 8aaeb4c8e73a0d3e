"""A run of rows, whatever they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.importer.place import Place
from services.importer.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Block:
    """A run of rows with their places, what is no row, and how far reading has come.

    Attributes:
        reached: the fields of `Position` that change once everything here is kept.
    """

    places: Sequence[Place]
    rows: list[list[str]]
    rejections: list[Rejection]
    reached: Mapping[str, Any]
