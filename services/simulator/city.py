"""A simulated city: what its agencies deliver over seventy-five days, and the truth about it.

Pure: the same seed and size give the same city, byte for byte, on every machine. No clock is read. Beside the planted
stories everyday ones are told; the truth says nothing of them, and supervision finds nothing in them.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.simulator.background.telling import background
from services.simulator.courier import Sent, send
from services.simulator.days import END, START, instant
from services.simulator.deck import stories as told
from services.simulator.delivery import Delivery, cloudevent
from services.simulator.heartbeats import declare
from services.simulator.truth import Truth, truth_of


@dataclass(frozen=True, slots=True)
class City:
    """One city.

    Attributes:
        deliveries: everything that arrives, in the order of arrival.
        start_us, end_us: the city's first and last moment, microseconds.
    """

    seed: int
    cases: int
    start_us: int
    end_us: int
    deliveries: tuple[Delivery, ...]
    truth: Truth

    @property
    def events(self) -> int:
        """Count the distinct events; a repeat is no event."""
        return len({d.event["id"] for d in self.deliveries if d.event is not None})


def simulate(seed: int, cases: int) -> City:
    """Simulate a city of `cases` cases."""
    rng = random.Random(seed)  # noqa: S311 - a simulation must repeat; nothing here is a secret
    stories = told(rng, cases)
    sent = send(rng, stories)
    everyday = send(random.Random(f"courier {seed}"), background(seed, cases))  # noqa: S311 - as above
    flat = [item for items in (*sent, *everyday) for item in items]
    marks = declare(rng, flat)
    deliveries = [*_events(flat), *(Delivery(at, source, kind, mark=mark) for at, source, kind, mark in marks)]
    truth = truth_of(stories, _ids(sent))
    return City(seed, cases, instant(START), instant(END), tuple(sorted(deliveries, key=_order)), truth)


def _events(sent: Iterable[Sent]) -> Iterable[Delivery]:
    for item in sent:
        event = cloudevent(item)
        for at_us in (item.arrives_us, *item.repeats_us):
            yield Delivery(at_us, item.planned.source, "event", event=event)


def _order(delivery: Delivery) -> tuple[int, bool, str, str]:
    """Order arrivals; in one moment events come before the mark that counts them in."""
    sequence = delivery.event["sequence"] if delivery.event is not None else ""
    return delivery.at_us, delivery.event is None, delivery.source, sequence


def _ids(sent: Sequence[Sequence[Sent]]) -> list[list[str]]:
    return [[str(uuid.UUID(bytes=item.id)) for item in items] for items in sent]
