"""The simulated city told to a node that dies: a publisher that asks again, and a killer with a plan.

Whatever the publisher was not answered it sends again, byte for byte: publishing is idempotent. The node runs on a
stepped clock; the killer puts it back to where the publisher had moved it, as the machine's clock would have gone on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from services.demo.check import CLOCK, DAY, tell_marks
from services.demo.publisher import GatewayAnswerError, Publisher
from services.node.timekeeping import save_stepped
from services.simulator.city import City
from services.simulator.delivery import Delivery
from tests.integration.node_process import NodeProcess

PATIENCE_SECONDS = 120.0
AGAIN_SECONDS = 0.02
UNAVAILABLE = 503
MARK_DAYS = 25
"""Days between the marks that are told: a late mark only makes a deadline wait."""


class StubbornPublisher(Publisher):
    """Sends until it is answered; `again` counts what it sent in vain, `waited` the seconds until it was answered."""

    def __init__(self, url: str, tokens: Mapping[str, str], start: int) -> None:
        super().__init__(url, tokens)
        self.now = start
        self.again = 0
        self.waited = 0.0

    def _post(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> None:
        if path == CLOCK:
            self.now = max(self.now, body["now"])
        began = failed = time.monotonic()
        while True:
            try:
                super()._post(path, body, headers)
            except (httpx.TransportError, GatewayAnswerError) as error:
                lost = isinstance(error, httpx.TransportError) or error.fields["status"] == UNAVAILABLE
                failed = time.monotonic()
                if not lost or failed > began + PATIENCE_SECONDS:
                    raise
                self.again += 1
                time.sleep(AGAIN_SECONDS)
            else:
                self.waited += time.monotonic() - began if failed > began else 0.0
                return


class Killer:
    """Kills a node with SIGKILL at planned deliveries, each a moment later than planned, and starts it at once.

    Every fourth time the node is killed once more while it opens.
    """

    def __init__(self, node: NodeProcess, publisher: StubbornPublisher, rng: random.Random, at: Sequence[int]) -> None:
        self._node, self._publisher, self._rng = node, publisher, rng
        self._at = set(at)
        self._thread: threading.Thread | None = None
        self.kills = 0

    def delivered(self, count: int) -> None:
        """Hear that the delivery of number `count` is about to be made."""
        if count in self._at:
            self.wait()
            self._thread = threading.Thread(target=self._strike)
            self._thread.start()

    def wait(self) -> None:
        """Wait for a strike that is under way."""
        if self._thread is not None:
            self._thread.join()

    def _strike(self) -> None:
        time.sleep(self._rng.uniform(0, 0.06))
        self._kill()
        if self.kills % 4 == 0:
            time.sleep(self._rng.uniform(0.3, 2.0))
            self._kill()

    def _kill(self) -> None:
        self._node.kill()
        self.kills += 1
        save_stepped(self._node.data / "clock.json", self._publisher.now)
        self._node.start()


def replay(city: City, publisher: StubbornPublisher, killer: Killer) -> None:
    """Deliver a whole city in the order of arrival; marks are gathered and told every few weeks and at the end."""
    gathered: dict[str, Delivery] = {}
    told = 0
    count = 0
    for delivery in city.deliveries:
        day = (delivery.at_us - city.start_us) // DAY
        if day >= told + MARK_DAYS:
            told = day
            tell_marks(gathered, publisher)
        if delivery.event is None:
            gathered[delivery.source] = delivery
            continue
        count += 1
        killer.delivered(count)
        publisher.tell(CLOCK, {"now": delivery.at_us})
        publisher.deliver(delivery)
    killer.wait()
    tell_marks(gathered, publisher)
    publisher.tell(CLOCK, {"now": city.end_us})
    publisher.tell("/rehearsal/drain", {})


def planned(rng: random.Random, city: City, kills: int) -> list[int]:
    """Choose the deliveries at which to kill: one in each of `kills` equal parts of the replay."""
    events = sum(delivery.event is not None for delivery in city.deliveries)
    part = events / kills
    return [int(part * n + rng.uniform(0.1, 0.9) * part) for n in range(kills)]
