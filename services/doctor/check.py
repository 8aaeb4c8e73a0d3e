"""One check: whether all is well, what was seen, and how to mend it, in both languages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.texts import Language, text

State = Literal["ok", "fail", "note"]
"""`note` is something to know that nothing of this command depends on."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. Its texts are `doctor.NAME.STATE` and, where it is not ok, `doctor.NAME.mend`."""

    name: str
    state: State
    fields: dict[str, Any] = field(default_factory=dict)

    def message(self, language: Language) -> str:
        """Say what was seen."""
        return text(f"doctor.{self.name}.{self.state}", language, **self.fields)

    def mend(self, language: Language) -> str:
        """Say what to do, empty where all is well."""
        return "" if self.state == "ok" else text(f"doctor.{self.name}.mend", language, **self.fields)

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Render for a JSON answer."""
        return {
            "check": self.name,
            "state": self.state,
            "message": self.message(language),
            "mend": self.mend(language),
            "fields": self.fields,
        }
