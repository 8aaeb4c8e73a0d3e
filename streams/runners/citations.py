"""Which audit numbers the bus cites: the audit log must hold every one of them (recovery's floor)."""

from __future__ import annotations

from streams.bus.port import Bus

CITING = ("audit", "manifest")
"""Headers that cite an audit record as node/number."""


def highest_citation(bus: Bus, node: str) -> int:
    """Return one more than the highest number of `node`'s log that the newest record of any topic cites; else 0.

    Records of a topic are appended in the order of their citations, so the newest of each topic is enough.
    """
    floor = 0
    for topic in bus.topics(""):
        end = bus.end(topic, 0)
        for stored in bus.read(topic, 0, max(0, end - 1), 1):
            for name, value in stored.headers:
                cited, _, number = value.decode(errors="replace").rpartition("/")
                if name in CITING and cited == node and number.isdecimal():
                    floor = max(floor, int(number) + 1)
    return floor
