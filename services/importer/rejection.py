"""A row that cannot become an event: where it stands and why, never what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.texts import Language, text
from services.importer.place import Place, as_dict, named


@dataclass(frozen=True, slots=True)
class Rejection:
    """One rejected row: its place, the code, and the column or the paths that are wrong."""

    place: Place
    code: str
    column: str = ""
    paths: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Render for the rejects file: both languages, no value of the row."""
        at = as_dict(self.place)
        return {
            **({"line": at["line"]} if "line" in at else {}),
            "place": at,
            "code": self.code,
            "column": self.column,
            "paths": list(self.paths),
            "zh": self._text("message", "zh"),
            "en": self._text("message", "en"),
            "hint": self._text("hint", "en"),
        }

    def _text(self, kind: str, language: Language) -> str:
        fields = {"column": self.column, "paths": ", ".join(self.paths)}
        return text(f"{self.code}.{kind}", language, place=named(self.place, language), **fields)


class RowError(Exception):
    """Raised inside a conversion; the reader turns it into a `Rejection`."""

    def __init__(self, code: str, column: str = "") -> None:
        self.code = code
        self.column = column
        super().__init__(code)
