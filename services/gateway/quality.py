"""What each source's events came to, counted for its quality report. Codes and numbers only.

Counts are changed in the transaction that publishes what they count, so a kill leaves both or neither. A commit that
publishes nothing (repetitions and refusals alone) writes nothing here: its counts wait for the next one, and a kill
may lose them; refusals stand in the audit log all the same. An event is *late* where it happened before the mark up to
which its source had said that everything was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from services.gateway.publication import Taking
from streams.bus.port import Bus, Transaction

STORE: Final = "gateway.quality"


class Tally(msgspec.Struct, array_like=True, frozen=True):
    """The counts of one source since `since`; `last` is when it last published (microseconds)."""

    since: int
    last: int = 0
    accepted: int = 0
    repeated: int = 0
    late: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    quarantined: dict[str, int] = msgspec.field(default_factory=dict)


@dataclass
class Change:
    """What is added to a source's counts."""

    accepted: int = 0
    repeated: int = 0
    late: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    def add(self, other: Change) -> None:
        """Add another change."""
        self.accepted += other.accepted
        self.repeated += other.repeated
        self.late += other.late
        self.refused += other.refused
        self.quarantined += other.quarantined


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tally).decode


class Ledger:
    """The counts of all sources; changed under the door's lock. `marks` gives the declared mark of a source, or 0."""

    def __init__(self, bus: Bus, marks: Callable[[str], int]) -> None:
        self._tallies = {key.decode(): _decode(value) for key, value in bus.entries(STORE)}
        self._waiting: dict[str, Change] = {}
        self._marks = marks

    def late(self, source: str, takings: Sequence[Taking]) -> int:
        """Count the events that happened before their source's mark."""
        mark = self._marks(source)
        return sum(taking.prepared.event.occurred_at < mark for taking in takings) if mark else 0

    def wait(self, changes: Mapping[str, Change]) -> None:
        """Keep counts until something is published."""
        for source, change in changes.items():
            self._waiting.setdefault(source, Change()).add(change)

    def put(self, transaction: Transaction, changes: Mapping[str, Change], now: int) -> dict[str, Tally]:
        """Write what a commit adds, and what waits for the same sources; `learn` takes the result when durable."""
        new = {source: self._added(source, change, now) for source, change in changes.items()}
        for source, tally in new.items():
            transaction.put(STORE, source.encode(), _encode(tally))
        return new

    def learn(self, new: Mapping[str, Tally]) -> None:
        """Know what has become durable."""
        self._tallies.update(new)
        for source in new:
            self._waiting.pop(source, None)

    def report(self, source: str) -> dict[str, Any]:
        """Return the counts of a source by name."""
        counts = msgspec.structs.asdict(self._added(source, Change(), 0))
        counts["last_published"] = counts.pop("last") or None
        return {**counts, "since": counts["since"] or None}

    def _added(self, source: str, change: Change, now: int) -> Tally:
        tally, whole = self._tallies.get(source, Tally(now)), Change()
        whole.add(change)
        whole.add(self._waiting.get(source, Change()))
        return Tally(
            tally.since,
            now if whole.accepted else tally.last,
            tally.accepted + whole.accepted,
            tally.repeated + whole.repeated,
            tally.late + whole.late,
            dict(Counter(tally.refused) + whole.refused),
            dict(Counter(tally.quarantined) + whole.quarantined),
        )
