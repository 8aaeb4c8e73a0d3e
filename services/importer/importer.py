"""An import: rows through the door, from the kept position to the end.

The order is: the door has acknowledged, the rejects are durable, then the position moves. So a run that is broken off
anywhere goes on without a gap; what it sends twice is a repeat, which the door and release recognise by the event's id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.importer.mapping import Mapping
from services.importer.place import order
from services.importer.position import Position, PositionFile, after
from services.importer.reader import Portion, portions
from services.importer.rejection import Rejection
from services.importer.rejects import RejectsFile
from services.importer.rows import Rows

SLICE = 2_048
"""Events per call of the door: a stop is noticed this soon."""


class Result(Protocol):
    """What became of one event: an outcome of the door."""

    @property
    def status(self) -> str:
        """`accepted`, `repeated`, `refused` or `quarantined`."""
        ...

    @property
    def code(self) -> str:
        """The code of a refusal; empty where there is none."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """The places of the event that are wrong."""
        ...


Accept = Callable[[Sequence[dict[str, Any]]], Sequence[Result]]
"""Takes events in JSON form; answers when they are durable, one result each."""


@dataclass
class Tally:
    """What this run saw."""

    codes: Counter[str] = field(default_factory=Counter)
    first: list[Rejection] = field(default_factory=list)

    def add(self, rejections: Sequence[Rejection]) -> None:
        """Count rejections and keep the first twenty."""
        self.codes.update(rejection.code for rejection in rejections)
        self.first.extend(rejections[: 20 - len(self.first)])


class Importer:
    """One file, table or topic on its way in.

    `stopped` is asked between slices; `moved` hears of every new position.
    """

    def __init__(
        self,
        mapping: Mapping,
        rows: Rows,
        accept: Accept,
        position: PositionFile | None,
        *,
        stopped: Callable[[], bool] = lambda: False,
        moved: Callable[[Position], None] = lambda _: None,
    ) -> None:
        self._mapping = mapping
        self._rows = rows
        self._accept = accept
        self._file = position
        self._stopped = stopped
        self._moved = moved
        self.tally = Tally()
        self.position = position.load() if position else Position()
        self._rejects = RejectsFile(position.rejects, self.position.rejects_bytes) if position else None

    def run(self) -> Position:
        """Read to the end, or until stopped; return the position reached.

        Raises:
            CasebusError: what is read or the mapping cannot be used, or the door or the disk refuses; everything
                acknowledged is kept.
        """
        if self.position.done and not self._rows.grows:
            return self.position
        for portion in portions(self._mapping, self._rows, self.position):
            if self._stopped() or not self._take(portion):
                return self.position
        self._keep(after(self.position, done=True))
        return self.position

    def _take(self, portion: Portion) -> bool:
        if not (portion.events or portion.rejections) and _stands(self.position, portion):
            return True
        rejections = list(portion.rejections)
        accepted = repeated = 0
        for first in range(0, len(portion.events), SLICE):
            if self._stopped():
                return False
            results = self._accept(portion.events[first : first + SLICE])
            for place, result in zip(portion.places[first : first + SLICE], results, strict=True):
                if result.status in {"accepted", "repeated"}:
                    accepted += 1
                    repeated += result.status == "repeated"
                else:
                    rejections.append(Rejection(place, result.code, paths=result.paths))
        rejections.sort(key=lambda rejection: order(rejection.place))
        self.tally.add(rejections)
        old = self.position
        self._keep(
            after(
                old,
                **portion.reached,
                done=False,
                read=old.read + len(portion.events) + len(portion.rejections),
                accepted=old.accepted + accepted,
                repeated=old.repeated + repeated,
                rejected=old.rejected + len(rejections),
                rejects_bytes=self._rejects.append(rejections) if self._rejects else 0,
            )
        )
        return True

    def _keep(self, position: Position) -> None:
        if self._file:
            self._file.save(position)
        self.position = position
        self._moved(position)


def _stands(position: Position, portion: Portion) -> bool:
    """Say whether a portion moves a position nowhere: a topic in which nothing arrived."""
    return all(getattr(position, name) == value for name, value in portion.reached.items())
