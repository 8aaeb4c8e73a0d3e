"""Which partition a record goes to: a function of its key and the topic's partition count, on every worker alike.

A topic's partitions are never changed: keys would move away from their states. A stage that finds another count than
its changelog has refuses to start.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

from streams.supervision.engine import Engine
from streams.supervision.fact import Fact

Partitions = Callable[[str], int]
"""Answers how many partitions a topic has."""


def of_address(address: bytes, count: int) -> int:
    """Return the work partition where a key lives; an address is a keyed digest, so its bytes spread evenly."""
    return int.from_bytes(address[:8], "big") % count


def of_key(key: bytes, count: int) -> int:
    """Return the partition of a record by its key."""
    return zlib.crc32(key) % count


def by_partition(engine: Engine, facts: Iterable[Fact], count: int) -> dict[int, list[Fact]]:
    """Send each fact to every work partition where one of its keys lives; order is kept."""
    found: dict[int, list[Fact]] = {}
    for fact in facts:
        for partition in {of_address(address, count) for address in engine.addresses(fact)}:
            found.setdefault(partition, []).append(fact)
    return dict(sorted(found.items()))
