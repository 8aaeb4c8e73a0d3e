"""The node's runner where the bus is Kafka: marks and epochs into raw, projections out; the rest is the workers'.

Each second, and at once when control changed, every raw partition is told the clock, what the sources of its topic
declared, and the control epoch that holds from there on. Projections are read from Kafka at positions that stand in
the read model's own database, so that it may be thrown away and is filled anew.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from schemas.clock import Clock
from schemas.errors import UnavailableError
from security.sealing import Sealer
from streams import work
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_follower import KafkaFollower, Page
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.port import Bus
from streams.projections import marks as marks_topic
from streams.projections.lowest import LowestMarks
from streams.projections.projector import TOPICS, Projector
from streams.receivers import Deciding
from streams.runners.mark_rows import Agencies, mark_rows
from streams.runners.releasing import RAW
from streams.runners.runner import Declared
from streams.supervision.engine import Engine

CLIENT = "casebus-projections"
PROJECTED = 512
WAIT_SECONDS = 0.2
AGAIN_SECONDS = 1.0
PACE_SECONDS = 0.1
"""Between two writings of the read model where much comes: each is a transaction with a price of its own."""
DRAIN_SECONDS = 120.0


class WorkersSilentError(UnavailableError):
    """What was accepted is kept, but no worker brings it to its effects."""

    code = "worker.silent"


@dataclass
class KafkaNodeRunner:
    """Tells the workers what the node knows, and shows what they found. `bus` only answers what topics there are."""

    bus: Bus
    address: KafkaAddress
    clock: Clock
    sealer: Sealer
    projector: Projector
    declared: Declared
    agencies: Agencies
    epoch: Callable[[], int]
    _appender: KafkaAppender | None = None
    _follower: KafkaFollower | None = None
    _waiting: deque[Page] = field(default_factory=deque)
    _positions: dict[tuple[str, int], int] = field(default_factory=dict)
    _lowest: LowestMarks = field(default_factory=lambda: LowestMarks(1))
    _telling: threading.Lock = field(default_factory=threading.Lock)

    MARK_INTERVAL: ClassVar[float] = 1.0

    def renew(self, engine: Engine, receivers: Sequence[Deciding], stopped: Callable[[], bool]) -> None:
        """Tell the epoch to every raw partition; release and supervise change over where they read it.

        Raises:
            KafkaTopicMissingError: an agency that has sources has no raw topic.
        """
        del engine, receivers, stopped
        for agency in sorted(set(self.agencies().values())):
            self.bus.partitions(RAW + agency)
        self.tell()

    def tell(self) -> int:
        """Put the present marks behind everything that was acknowledged; return their clock."""
        with self._telling:
            if self._appender is None:
                self._appender = KafkaAppender(self.address, "casebus-marks")
            clock, epoch = self.clock.now_us(), self.epoch()
            rows = mark_rows(self.bus, self.sealer, self.declared(), self.agencies(), clock, epoch)
            self._appender.append_all(rows)
            return clock

    def step(self, wait: float = WAIT_SECONDS) -> bool:
        """Project what came; tell whether anything did. What could not be written is kept and tried again."""
        if not self._waiting:
            follower = self._follower or self._follow()
            self._waiting.extend(follower.poll(wait, PROJECTED))
        busy = bool(self._waiting)
        while self._waiting:
            page = self._waiting[0]
            records = page.records
            if page.topic == marks_topic.TOPIC:
                records = [replace(each, value=self._merged(each.key, each.value)) for each in records]
            self.projector.apply(page.topic, page.partition, records)
            self._positions[page.topic, page.partition] = page.records[-1].offset + 1
            self._waiting.popleft()
        return busy

    def run(self, stop: threading.Event, report: Callable[[UnavailableError], None]) -> None:
        """Work until `stop`; a Kafka or a database that is away is reported and tried again."""
        ticker = threading.Thread(target=self._tick, args=(stop, report), name="marks", daemon=True)
        ticker.start()
        while not stop.is_set():
            began = time.monotonic()
            try:
                if self.step():
                    stop.wait(max(0.0, began + PACE_SECONDS - time.monotonic()))
            except UnavailableError as error:
                report(error)
                stop.wait(AGAIN_SECONDS)

    def drain(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Tell the marks and project until every work partition has reached them.

        Raises:
            WorkersSilentError: nothing has come for two minutes, and they are not reached.
        """
        wanted, heard = self.tell(), time.monotonic()
        while not stopped() and (self.reached() < wanted or self.lag()):
            if self.step():
                heard = time.monotonic()
            elif time.monotonic() > heard + DRAIN_SECONDS:
                raise WorkersSilentError

    def reached(self) -> int:
        """Return the clock that every work partition has reached, as projected."""
        return self._lowest.clock

    def lag(self) -> int:
        """Return how many offsets of the projected topics lie before their ends."""
        return sum(max(0, self.bus.end(*place) - position) for place, position in self._positions.items())

    def close(self) -> None:
        """Close the connections."""
        for each in (self._appender, self._follower):
            if each is not None:
                each.close()

    def _follow(self) -> KafkaFollower:
        self._lowest = LowestMarks(self.bus.partitions(work.TOPIC))
        places = [(topic, n) for topic in TOPICS for n in range(self.bus.partitions(topic))]
        self._positions = {place: self.projector.position(*place) for place in places}
        # Marks are few and compacted: what every partition told last has to be known.
        starts = {place: 0 if place[0] == marks_topic.TOPIC else at for place, at in self._positions.items()}
        self._follower = KafkaFollower(self.address, CLIENT, starts)
        return self._follower

    def _merged(self, key: bytes, value: bytes) -> bytes:
        return marks_topic.encode(self._lowest.take(key, marks_topic.decode(value)))

    def _tick(self, stop: threading.Event, report: Callable[[UnavailableError], None]) -> None:
        while not stop.wait(self.MARK_INTERVAL):
            try:
                self.tell()
            except UnavailableError as error:
                report(error)
