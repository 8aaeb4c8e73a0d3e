"""Declared marks: up to when each source says that it has said everything.

A mark is capped by the gateway's clock and never goes back. It is kept with the end of the raw topics at the time it
was declared: a runner lets it count only when it has read that far, so that no mark overtakes an event sent before.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from streams.bus.port import Bus

STORE = "gateway.marks"

_encode = msgspec.msgpack.Encoder().encode


class DeclaredMark(msgspec.Struct, array_like=True, frozen=True):
    """What a source declared.

    Attributes:
        complete_to: microseconds; everything of the source before it has been sent.
        declared_at: the gateway's clock when it was declared.
        after: raw topic → offset that must have been read before the mark counts; topics of several partitions are
            told the mark in-band instead.
    """

    complete_to: int
    declared_at: int
    after: dict[str, int]


_decode = msgspec.msgpack.Decoder(DeclaredMark).decode


class DeclaredMarks:
    """The marks of all sources, durable on the bus."""

    def __init__(self, bus: Bus, topics: str) -> None:
        self._bus = bus
        self._topics = topics
        self._known = {key.decode(): _decode(value).complete_to for key, value in bus.entries(STORE)}

    def of(self, source: str) -> int:
        """Return the mark of a source, 0 where it declared none."""
        return self._known.get(source, 0)

    def declare(self, source: str, complete_to: int, now: int) -> int:
        """Keep a declaration; return the mark as it counts: capped by `now`, never lower than before."""
        key = source.encode()
        with self._bus.transaction() as change:
            kept = change.get(STORE, key)
            before = _decode(kept).complete_to if kept else 0
            mark = max(min(complete_to, now), before)
            topics = [topic for topic in self._bus.topics(self._topics) if self._bus.partitions(topic) == 1]
            after = {topic: self._bus.end(topic, 0) for topic in topics}
            change.put(STORE, key, _encode(DeclaredMark(mark, now, after)))
        self._known[source] = mark
        return mark

    def all(self) -> Mapping[str, DeclaredMark]:
        """Return source → its mark."""
        return {key.decode(): _decode(value) for key, value in self._bus.entries(STORE)}
