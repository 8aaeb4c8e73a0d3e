"""What becomes of one event at the door: exactly one of accepted, repeated, refused, quarantined."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schemas.faults import Fault
from schemas.texts import Language, text
from services.gateway.receipt import Commit, Receipt


class Status(StrEnum):
    """The four ends of an event at the door; each input ends in exactly one."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Outcome:
    """What became of one event.

    Attributes:
        id: the event's id as UUID text, "" where it could not be read.
        code: why it was not accepted; "" where it was. faults: every fault, at once.
        letter: number of the dead letter it lies in, where it was quarantined.
        commit, index: where its receipt comes from; an accepted or repeated event has one.
    """

    status: Status
    id: str = ""
    code: str = ""
    faults: tuple[Fault, ...] = ()
    letter: int | None = None
    commit: Commit | None = None
    index: int = 0

    @property
    def ok(self) -> bool:
        """Whether the event is durable."""
        return self.status in {Status.ACCEPTED, Status.REPEATED}

    @property
    def paths(self) -> tuple[str, ...]:
        """The places of the event that are wrong."""
        return tuple(fault.path for fault in self.faults)

    @property
    def receipt(self) -> Receipt | None:
        """The signed receipt; made when asked for."""
        return self.commit.receipt(self.index) if self.commit else None

    def as_dict(self, language: Language = "en") -> dict[str, Any]:
        """Render for an answer: the receipt, or code, message, hint and every fault (in both languages)."""
        answer: dict[str, Any] = {"status": str(self.status), "id": self.id}
        if self.commit:
            return {**answer, "receipt": self.commit.receipt(self.index)}
        if self.letter is not None:
            answer["dead_letter"] = self.letter
        return {
            **answer,
            "code": self.code,
            "message": self._text("message", language),
            "hint": self._text("hint", language),
            "faults": [fault.as_dict() for fault in self.faults],
        }

    def rehearsed(self, language: Language = "en") -> dict[str, Any]:
        """Render what would become of the event, where nothing was done."""
        if self.ok:
            return {"status": str(self.status), "id": self.id}
        return self.as_dict(language)

    def _text(self, part: str, language: Language) -> str:
        first = self.faults[0] if self.faults else None
        if first is not None and first.code == self.code:  # its words know the limit, the type, whatever they name
            return first.message(language) if part == "message" else first.hint(language)
        return text(f"{self.code}.{part}", language, path=first.path if first else "$")
