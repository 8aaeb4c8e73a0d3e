"""A row that cannot become an event: where it stands and why, never what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.texts import text


@dataclass(frozen=True, slots=True)
class Rejection:
    """One rejected row: its line in the file, the code, and the column or the paths that are wrong."""

    line: int
    code: str
    column: str = ""
    paths: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Render for the rejects file: both languages, no value of the row."""
        fields = {"line": self.line, "column": self.column, "paths": ", ".join(self.paths)}
        return {
            "line": self.line,
            "code": self.code,
            "column": self.column,
            "paths": list(self.paths),
            "zh": text(f"{self.code}.message", "zh", **fields),
            "en": text(f"{self.code}.message", "en", **fields),
            "hint": text(f"{self.code}.hint", "en", **fields),
        }


class RowError(Exception):
    """Raised inside a conversion; the reader turns it into a `Rejection`."""

    def __init__(self, code: str, column: str = "") -> None:
        self.code = code
        self.column = column
        super().__init__(code)
