"""`demo --check`: the whole city at once through a real node process, then the verdict.

The clock is stepped: it stands where the next delivery arrives. So the run is as fast as the machine, and the outcome
does not depend on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from schemas.errors import UnavailableError
from services.demo.outcome import Outcome, outcome_of
from services.demo.publisher import Publisher
from services.demo.stage import prepare, step_clock
from services.node.ports import listen, port_of
from services.node.supervisor import Child, node_command
from services.simulator.city import City, simulate
from services.simulator.delivery import Delivery

Say = Callable[[str], None]
START_SECONDS = 60.0
LOOK_SECONDS = 0.05
REPORT_DAYS = 15
CLOCK = "/rehearsal/clock"
DAY = 86_400_000_000


class NodeEndedError(UnavailableError):
    """The node process ended while the demonstration ran; its own message stands above."""

    code: ClassVar[str] = "demo.node_ended"


def check_city(data: Path, seed: int, cases: int, say: Say) -> Outcome:
    """Run a city through a node over HTTP and judge what came of it."""
    began = time.monotonic()
    city = simulate(seed, cases)
    say(f"casebus: a city of {cases} cases, {city.events} events over 75 days (seed {seed})")
    stage = prepare(data, city.start_us, seed=seed, cases=cases)
    step_clock(stage, city.start_us)
    port = free_port()
    child = Child("node", node_command(data, port, None), keep=False)
    child.start()
    publisher = Publisher(f"http://127.0.0.1:{port}", stage.tokens)
    try:
        wait_until_healthy(child, publisher)
        play(city, publisher, say)
        publisher.tell("/rehearsal/drain", {})
    finally:
        publisher.close()
        child.stop()
    return outcome_of(data, city, time.monotonic() - began)


def play(city: City, publisher: Publisher, say: Say) -> None:
    """Deliver everything in the order of arrival, the clock with it.

    Marks are gathered and told once a simulated day, each source's latest: a later mark says all that an earlier one
    said, and a late one only makes a deadline wait.
    """
    gathered: dict[str, Delivery] = {}
    day = 0
    for delivery in city.deliveries:
        passed = (delivery.at_us - city.start_us) // DAY
        if passed > day:
            day = passed
            tell_marks(gathered, publisher)
            if day % REPORT_DAYS == 0:
                say(f"casebus: day {day} of 75, {publisher.counts['events']} events published")
        if delivery.event is None:
            gathered[delivery.source] = delivery
            continue
        publisher.tell(CLOCK, {"now": delivery.at_us})
        publisher.deliver(delivery)
    tell_marks(gathered, publisher)
    publisher.tell(CLOCK, {"now": city.end_us})


def tell_marks(gathered: dict[str, Delivery], publisher: Publisher) -> None:
    """Tell the gathered marks at the time of the latest of them."""
    if gathered:
        publisher.tell(CLOCK, {"now": max(delivery.at_us for delivery in gathered.values())})
    for delivery in gathered.values():
        publisher.deliver(delivery)
    gathered.clear()


def wait_until_healthy(child: Child, publisher: Publisher) -> None:
    """Wait for the gateway; raises `NodeEndedError` where the node ends first."""
    until = time.monotonic() + START_SECONDS
    while not publisher.healthy():
        if child.code() is not None or time.monotonic() > until:
            raise NodeEndedError(exit=child.code())
        time.sleep(LOOK_SECONDS)


def free_port() -> int:
    """Return a port that nothing listens on."""
    listener = listen(0)
    port = port_of(listener)
    listener.close()
    return port
