"""Faults: everything that is wrong with one event, said at once.

A fault names the place (a JSON path), a code and what to do, in both languages. It never holds a value; a key that the
publisher made up is shown only when it looks like a field name, because a key can carry personal data too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from schemas.errors import RefusedError
from schemas.texts import Language, text

MAX_FAULTS = 100
_SHOWABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_DIGITS = re.compile(r"\d{5}")


@dataclass(frozen=True)
class Fault:
    """One thing wrong: `path` such as `$.data.served_at`, `code` such as `event.missing`."""

    path: str
    code: str
    zh: str
    en: str
    hint_zh: str
    hint_en: str

    @classmethod
    def of(cls, path: str, code: str, **fields: Any) -> Self:
        """Make a fault; its texts come from the catalogue, their placeholders from `path` and `fields`."""
        said = [
            text(f"{code}.{part}", lang, path=path, **fields) for part in ("message", "hint") for lang in ("zh", "en")
        ]
        return cls(path, code, *said)

    def message(self, language: Language = "en") -> str:
        """Say what is wrong, in `language`."""
        return self.zh if language == "zh" else self.en

    def hint(self, language: Language = "en") -> str:
        """Say what to do, in `language`."""
        return self.hint_zh if language == "zh" else self.hint_en

    def as_dict(self) -> dict[str, str]:
        """Render for a JSON answer, both languages."""
        return {
            "path": self.path,
            "code": self.code,
            "zh": self.zh,
            "en": self.en,
            "hint_zh": self.hint_zh,
            "hint_en": self.hint_en,
        }


class EventRefusedError(RefusedError):
    """The event has faults; fields: `count`, `first` (path), `faults` (a list of dicts), `type` where it is known."""

    code = "event.refused"

    def __init__(self, faults: Sequence[Fault], event_type: str = "") -> None:
        self.faults = tuple(faults[:MAX_FAULTS])
        first = self.faults[0].path if self.faults else ""
        rows = [fault.as_dict() for fault in self.faults]
        super().__init__(count=len(faults), first=first, faults=rows, type=event_type)


def shown(key: object) -> str:
    """Return a key for a path, or `?` when it does not look like a name or holds a number."""
    if isinstance(key, str) and _SHOWABLE.fullmatch(key) and not _DIGITS.search(key):
        return key
    return "?"
