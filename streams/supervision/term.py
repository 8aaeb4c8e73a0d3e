"""One term: one running of a legal clock, from the event that opened it to the event that closed it."""

from __future__ import annotations

from typing import NamedTuple

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


class Term:
    """One running of the clock.

    Attributes:
        opened_at: when the clock started, microseconds; `deadline` is what its limit gives now.
        rolls: whether a last day that is a day off moves.
        closer: the event that closed it, None while it runs; `closed_at`: when that happened.
        floor: index into SEVERITIES below which its severity may not fall, -1 for none.
        suspended_at: since when the clock stands still, None while it runs.
    """

    __slots__ = (
        "closed_at",
        "closer",
        "deadline",
        "floor",
        "notes",
        "opened_at",
        "opener",
        "rate",
        "rolls",
        "started_at",
        "suspended_at",
    )

    def __init__(self, opener: Fact, opened_at: int, rate: Rate, deadline: Deadline, rolls: bool) -> None:  # noqa: FBT001
        self.opener = opener
        self.opened_at = opened_at
        self.started_at = opened_at
        self.rate = rate
        self.deadline = deadline
        self.rolls = rolls
        self.closer: Fact | None = None
        self.closed_at = 0
        self.floor = -1
        self.suspended_at: int | None = None
        self.notes: list[Note] | None = None

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
