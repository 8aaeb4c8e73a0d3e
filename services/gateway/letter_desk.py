"""The desk of dead letters: listed, explained in words, re-driven, closed; and the quality report of a source.

Nothing that an event says is shown: places, codes, and what to do next. Whoever asks is a source, which sees its own
letters, a person who keeps letters, or the operator of the node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from schemas.clock import SECOND, Clock
from schemas.texts import Language, text
from services.gateway.commit import Along, CommitDraft
from services.gateway.dead_letters import DeadLetters, Listed, parsed, shown
from services.gateway.letter_state import OPEN
from services.gateway.marks import DeclaredMarks
from services.gateway.outcome import Outcome
from services.gateway.quality import Ledger
from services.gateway.redriving import CONFLICTS, Asker, Redriver, Verdict

MAX_TICKETS = 100


@dataclass
class LetterDesk:
    """What publishers and operators do with dead letters; safe for many threads."""

    redriver: Redriver
    letters: DeadLetters
    ledger: Ledger
    marks: DeclaredMarks
    clock: Clock
    lock: AbstractContextManager[Any]
    draft: Callable[[int], CommitDraft]
    write: Callable[[CommitDraft, Along], list[list[Outcome]]]

    def list(
        self, asker: Asker, source: str = "", after: int = -1, limit: int = 100, language: Language = "en"
    ) -> list[dict[str, Any]]:
        """Return letters above number `after`, oldest first: a source's own; for others `source`'s, or all they see."""
        rows = [row for row in self._seen(asker, source) if row.number > after][:limit]
        return [self._row(row.number, language) for row in rows]

    def count(self, asker: Asker, source: str) -> int:
        """Return how many letters a source has, or all that are seen where none is named."""
        return len(self._seen(asker, source))

    def _seen(self, asker: Asker, source: str) -> Sequence[Listed]:
        found = self.letters.listed(asker.source.id if asker.source else source or None)
        return found if asker.keeper is None else [row for row in found if asker.sees(row.source)]

    def show(self, number: int, asker: Asker, language: Language = "en") -> dict[str, Any]:
        """Explain one letter: why it lies here, whether it would pass now, what to do next."""
        letter = self.redriver.letter(number, asker)
        told = self._row(number, language)
        if told["state"] != "open":
            return {**told, "next": text(f"gateway.letter.{told['state']}", language)}
        verdict = self.redriver.verdict(letter, self.clock.now_us())
        return {**told, **_now(verdict, language)}

    def redrive(self, number: int, asker: Asker, language: Language = "en") -> dict[str, Any]:
        """Send a letter on its way where what stopped it was mended; it takes effect once.

        Raises:
            NoLetterError, LetterClosedError: nothing was done. UnavailableError: nothing took effect.
        """
        now = self.clock.now_us()
        with self.lock:
            verdict, outcome = self.redriver.redrive(number, asker, now, self.draft(now), self.write)
        told = self._row(number, language)
        if outcome is not None:
            return {**told, "outcome": outcome.as_dict(language), "next": text("gateway.letter.redriven", language)}
        if verdict.passes:
            return {**told, "next": text("gateway.letter.redriven", language)}
        return {**told, **_now(verdict, language)}

    def close(self, number: int, asker: Asker, reason: str, language: Language = "en") -> dict[str, Any]:
        """Close a letter of which nothing will come; it is kept. Raises as `redrive` does, and `ReasonError`."""
        now = self.clock.now_us()
        with self.lock:
            self.redriver.close(number, asker, reason, now, lambda along: self.write(self.draft(now), along))
        return self._row(number, language)

    def quality(self, source: str, language: Language = "en") -> dict[str, Any]:
        """Report on a source: what was taken, what not and why, how late, how long silent, what waits for it."""
        now = self.clock.now_us()
        listed = self.letters.listed(source)
        kept = self.redriver.states.all()
        states = {row.number: self.redriver.now(kept.get(row.number, OPEN), row) for row in listed}
        conflicts = [row for row in listed if row.code.endswith(CONFLICTS)]
        open_ones = [row.number for row in conflicts if states[row.number].state == "open"]
        mark = self.marks.all().get(source)
        return {
            "source": source,
            "at": now,
            **self.ledger.report(source),
            "conflicts": len(conflicts),
            "mark": mark.complete_to if mark else None,
            "silent_seconds": (now - mark.declared_at) // SECOND if mark else None,
            "dead_letters": {**dict.fromkeys(("open", "mended", "redriven", "closed"), 0), **_counted(states.values())},
            "tickets": [self._row(number, language) for number in open_ones[:MAX_TICKETS]],
            "open_tickets": len(open_ones),
        }

    def _row(self, number: int, language: Language) -> dict[str, Any]:
        stored = self.letters.stored(number)
        assert stored is not None, "a listed letter is there"
        letter = parsed(stored)
        state = self.redriver.state(number, letter)
        told = {**shown(stored, language), "state": state.state}
        if letter.code.endswith(CONFLICTS):
            told["ticket"] = "data-quality"
        if state.state != "open":
            told |= {"settled_at": state.at, "audit": state.seq}
        return {**told, "reason": state.reason} if state.reason else told


def _now(verdict: Verdict, language: Language) -> dict[str, Any]:
    """Say whether a letter would pass now, and what to do next."""
    if verdict.passes:
        return {"now": {"passes": True}, "next": text("gateway.letter.passes", language)}
    return {
        "now": {"passes": False, "code": verdict.code, "faults": [fault.as_dict() for fault in verdict.faults]},
        "next": text(f"{verdict.code}.hint", language),
    }


def _counted(states: Any) -> dict[str, int]:
    return dict(Counter(state.state for state in states))
