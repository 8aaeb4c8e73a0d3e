"""The embedded runner: one thread that releases, supervises and projects over an embedded bus.

Marks travel in-band. A mark that the gateway declared is offered together with the end of the raw topics at that time,
and appended to the work topic only when release has come that far: no mark overtakes an event sent before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from schemas.clock import Clock
from schemas.errors import UnavailableError
from streams import work
from streams.bus.port import Bus, Record
from streams.projections.projector import TOPICS, Projector
from streams.receivers import Deciding, seal_work
from streams.runners import releasing
from streams.runners.refolding import refold
from streams.runners.releasing import PARTITION, RAW, Releasing
from streams.runners.runner import Declared
from streams.runners.supervising import GROUP as SUPERVISE
from streams.runners.supervising import Supervising
from streams.supervision.engine import Engine

PROJECTED = 512
"""Records of one projection step."""
IDLE_SECONDS = 0.02
AGAIN_SECONDS = 1.0


@dataclass
class Offer:
    """Marks that wait until release has read what was sent before them."""

    clock: int
    sources: Mapping[str, int]
    ends: Mapping[str, int]


@dataclass
class EmbeddedRunner:
    """Drives the three steps; not safe for more than one thread."""

    bus: Bus
    clock: Clock
    releasing: Releasing
    supervising: Supervising
    projector: Projector | None
    declared: Declared
    _offer: Offer | None = None
    _ends: dict[str, int] = field(default_factory=dict)

    MARK_INTERVAL: ClassVar[float] = 1.0

    def renew(self, engine: Engine, receivers: Sequence[Deciding], stopped: Callable[[], bool]) -> None:
        """Work by another control state; `stopped` breaks off a long refold."""
        self.supervising.engine = engine
        refold(self.releasing, engine, receivers, stopped)

    def reached(self) -> int:
        """Return the clock mark that supervision has reached."""
        return self.supervising.marks().clock

    def offer_marks(self) -> None:
        """Take the present marks; they are appended to the work topic once release has caught up with them."""
        if self._offer is not None:
            return
        clock, sources = self.clock.now_us(), self.declared()
        ends = {topic: self.bus.end(topic, PARTITION) for topic in self.bus.topics(RAW)}
        self._offer = Offer(clock, sources, ends)

    def step(self) -> bool:
        """Do one round of every step; tell whether anything was done."""
        busy = self.releasing.step([topic for topic in self.bus.topics(RAW) if self._moved(topic)]) > 0
        busy = self._flush_marks() or busy
        # One step a round: a long backlog must not keep a stop, or the pages, waiting for its end.
        busy = self.supervising.step() > 0 or busy
        return self._project() or busy

    def drain(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Offer the marks and work until everything that was there has taken effect, or until `stopped`."""
        while self._offer is not None and not stopped():
            self.step()
        self.offer_marks()
        while not stopped() and self.step():
            pass

    def run(self, stop: threading.Event, report: Callable[[UnavailableError], None]) -> None:
        """Work until `stop`; a full disk or a busy bus is reported and tried again, anything else ends the thread."""
        ticker = threading.Thread(target=self._tick, args=(stop,), name="marks", daemon=True)
        ticker.start()
        while not stop.is_set():
            try:
                if not self.step():
                    stop.wait(IDLE_SECONDS)
            except UnavailableError as error:
                report(error)
                stop.wait(AGAIN_SECONDS)

    def lag(self) -> int:
        """Return how many raw records and work items are not processed yet."""
        raw = sum(
            self.bus.end(topic, PARTITION) - self.bus.position(releasing.GROUP, topic, PARTITION)
            for topic in self.bus.topics(RAW)
        )
        return raw + self.bus.end(work.TOPIC, PARTITION) - self.bus.position(SUPERVISE, work.TOPIC, PARTITION)

    def _tick(self, stop: threading.Event) -> None:
        while not stop.wait(self.MARK_INTERVAL):
            self.offer_marks()

    def _moved(self, topic: str) -> bool:
        """Tell whether a raw topic may hold something new, without a query where it does not."""
        end = self.bus.end(topic, PARTITION)
        if self._ends.get(topic) == end:
            return False
        if self.bus.position(releasing.GROUP, topic, PARTITION) == end:
            self._ends[topic] = end
            return False
        return True

    def _flush_marks(self) -> bool:
        offer = self._offer
        if offer is None:
            return False
        for topic, end in offer.ends.items():
            if self.bus.position(releasing.GROUP, topic, PARTITION) < end:
                return False
        key = f"marks/{offer.clock}".encode()
        item = work.MarkBatch(offer.clock, dict(offer.sources))
        self.bus.append(work.TOPIC, PARTITION, [Record(key, seal_work(self.releasing.sealer, key, item))])
        self._offer = None
        return True

    def _project(self) -> bool:
        if self.projector is None:
            return False
        busy = False
        for topic in TOPICS:
            position = self._ends.get("read/" + topic)
            if position is None:
                position = self.projector.position(topic, PARTITION)
            if position < self.bus.end(topic, PARTITION):
                stored = self.bus.read(topic, PARTITION, position, PROJECTED)
                position = self.projector.apply(topic, PARTITION, stored)
                busy = True
            self._ends["read/" + topic] = position
        return busy
