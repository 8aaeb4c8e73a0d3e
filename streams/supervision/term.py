"""One term: one running of a legal clock, from the event that opened it to the event that closed it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from streams.legal_clock import Deadline
from streams.supervision.fact import Fact
from streams.supervision.rate import Rate


class Note(NamedTuple):
    """Something that happened to a term on its way, for the arithmetic shown to people.

    `what` is one of: extended, extended_late, restarted, suspended, resumed, reopened, refused_late, early.
    """

    what: str
    at: int
    fact: Fact
    rate: Rate | None = None
    deadline: Deadline | None = None


class Term(msgspec.Struct, gc=False, eq=False):
    """One running of the clock.

    Attributes:
        opened_at: when the clock started, microseconds; `deadline` is what its limit gives now.
        started_at: since when that limit counts: later than `opened_at` where the clock was started anew.
        rolls: whether a last day that is a day off moves.
        closer: the event that closed it, None while it runs; `closed_at`: when that happened.
        floor: index into SEVERITIES below which its severity may not fall, -1 for none.
        suspended_at: since when the clock stands still, None while it runs.

    It refers to nothing that refers back, so the cycle collector need not know it.
    """

    opener: Fact
    opened_at: int
    started_at: int
    rate: Rate
    deadline: Deadline
    rolls: bool
    closer: Fact | None = None
    closed_at: int = 0
    floor: int = -1
    suspended_at: int | None = None
    notes: list[Note] | None = None

    def note(self, what: str, at: int, fact: Fact, rate: Rate | None = None) -> None:
        """Remember a step with the deadline as it stands after it."""
        if self.notes is None:
            self.notes = []
        self.notes.append(Note(what, at, fact, rate, self.deadline))

    def runs_at(self, at: int) -> bool:
        """Say whether the limit had not passed at an instant: what comes later cannot heal it."""
        return self.suspended_at is not None or at < self.deadline.due_at

    @property
    def in_time(self) -> bool:
        """Whether it was closed within its limit."""
        return self.closer is not None and self.runs_at(self.closed_at)

    @property
    def evidence(self) -> tuple[bytes, ...]:
        """The events it rests on, in their order."""
        noted = [note.fact.id for note in self.notes or ()]
        closing = [self.closer.id] if self.closer is not None else []
        return tuple(dict.fromkeys([self.opener.id, *noted, *closing]))
