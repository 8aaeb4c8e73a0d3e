"""Code lists: closed sets of codes with Chinese and English names, each valid from a day and perhaps to a day.

A list is a CSV file beside this module: `code,zh,en,valid_from,valid_to` (days inclusive, an empty end is open).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from schemas.errors import NotFoundError
from schemas.texts import Language


class UnknownCodeListError(NotFoundError):
    """No such code list; field: `name`."""

    code = "codes.unknown_list"


@dataclass(frozen=True)
class Code:
    """One code."""

    code: str
    zh: str
    en: str
    valid_from: date
    valid_to: date | None

    def name(self, language: Language = "en") -> str:
        """Return its name in `language`."""
        return self.zh if language == "zh" else self.en

    def valid_on(self, day: date) -> bool:
        """Whether the code may be used on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def exists(name: str) -> bool:
    """Whether there is a code list of this name."""
    return name.isidentifier() and _path(name).is_file()


@cache
def code_list(name: str) -> Mapping[str, Code]:
    """Return code → `Code` in the file's order; raises `UnknownCodeListError`."""
    if not exists(name):
        raise UnknownCodeListError(name=name)
    with _path(name).open(encoding="utf-8", newline="") as file:
        return {row["code"]: _code(row) for row in csv.DictReader(file)}


def _code(row: Mapping[str, str]) -> Code:
    end = row["valid_to"]
    return Code(
        code=row["code"],
        zh=row["zh"],
        en=row["en"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(end) if end else None,
    )


def _path(name: str) -> Path:
    return Path(__file__).parent / f"{name}.csv"
