"""On Kafka a receiver reads its topic itself: how far its consumer group has committed is its acknowledgement.

Looked at twice a minute; what has moved is an act `ack` (way `group`) for each partition, beside what was released. The
group of a subscription has the one name that the access rules give it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from schemas.errors import CasebusError
from security.audit.port import Log
from security.audit.record import Entry
from security.logging import get_logger
from streams.receivers import Deciding

GROUP: Final = "casebus.subscription."
PERIOD_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0
Place = tuple[str, int]


class Groups(Protocol):
    """Who knows what groups have committed (`streams.bus.kafka_groups`)."""

    def committed(self, groups: Sequence[str]) -> Mapping[str, Mapping[Place, int]]:
        """Return group → (topic, partition) → the offset it goes on from."""
        ...

    def close(self) -> None:
        """Give back what asking took."""
        ...


@dataclass
class GroupProgress:
    """Writes down how far receivers' groups are; `receivers` and `epoch` answer by the present control state."""

    audit: Log
    groups: Groups
    receivers: Callable[[], Mapping[str, Deciding]]
    epoch: Callable[[], int]
    _known: dict[tuple[str, Place], int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def look(self) -> int:
        """Ask once; return how many acknowledgements were new. Raises what the groups or the log raise."""
        receivers = self.receivers()
        committed = self.groups.committed([GROUP + name for name in sorted(receivers)])
        moved = [
            (receiver, place, offset - 1)
            for name, receiver in sorted(receivers.items())
            for place, offset in sorted(committed.get(GROUP + name, {}).items())
            if place[0] == receiver.topic and offset - 1 > self._known.get((name, place), -1)
        ]
        if moved:
            self.audit.append([self._entry(*each) for each in moved])
            self._known |= {(receiver.principal.id, place): through for receiver, place, through in moved}
        return len(moved)

    def start(self) -> None:
        """Begin to look in a thread."""
        self._thread = threading.Thread(target=self._run, name="group-progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        self.groups.close()

    def _run(self) -> None:
        log, told = get_logger("node"), ""
        while not self._stop.wait(PERIOD_SECONDS):
            try:
                self.look()
                told = ""
            except CasebusError as error:
                if error.code != told:
                    log.warning("node.group_progress", code=error.code)
                told = error.code

    def _entry(self, receiver: Deciding, place: Place, through: int) -> Entry:
        principal = receiver.principal
        return Entry(
            act="ack",
            actor=principal.id,
            org=principal.organisation,
            purpose=principal.purpose,
            obj=principal.id,
            topic=place[0],
            part=place[1],
            off=through,
            ctl=self.epoch(),
            data={"way": "group"},
        )
