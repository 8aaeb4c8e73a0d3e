"""Declared marks: up to when each source says that it has said everything.

A mark is capped by the gateway's clock and never goes back. It is kept with the end of the raw topics at the time it
was declared: a runner lets it count only when it has read that far, so that no mark overtakes an event sent before.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec

from streams.bus.port import Bus, Transaction

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


@dataclass(frozen=True, slots=True)
class _Declaration:
    """What a source declares now; the future has its mark as it counts."""

    source: str
    complete_to: int
    now: int
    mark: Future[int]


class DeclaredMarks:
    """The marks of all sources, durable on the bus. Declarations that meet share one transaction."""

    def __init__(self, bus: Bus, topics: str) -> None:
        self._bus = bus
        self._topics = topics
        self._known = {key.decode(): _decode(value).complete_to for key, value in bus.entries(STORE)}
        self._waiting: deque[_Declaration] = deque()
        self._turn = threading.Lock()

    def of(self, source: str) -> int:
        """Return the mark of a source, 0 where it declared none."""
        return self._known.get(source, 0)

    def declare(self, source: str, complete_to: int, now: int) -> int:
        """Keep a declaration; return the mark as it counts: capped by `now`, never lower than before."""
        mine = _Declaration(source, complete_to, now, Future())
        self._waiting.append(mine)
        with self._turn:
            # Whoever had the turn before may have kept this one too.
            if not mine.mark.done():
                self._keep()
        return mine.mark.result()

    def _keep(self) -> None:
        """Keep everything that waits, in one transaction; a failure is told to each that was in it."""
        taken: list[_Declaration] = []
        marks: list[int] = []
        try:
            with self._bus.transaction() as change:
                # Taken only now: the bus may have been busy with a commit of the door for a while.
                while self._waiting:
                    taken.append(self._waiting.popleft())
                after = self._ends()
                marks += [self._put(change, each, after) for each in taken]
        except BaseException as error:  # noqa: BLE001 - whatever it is, every caller in the group must hear of it
            for each in taken or self._emptied():
                each.mark.set_exception(error)
            return
        for each, mark in zip(taken, marks, strict=True):
            self._known[each.source] = mark
            each.mark.set_result(mark)

    def _emptied(self) -> list[_Declaration]:
        """Take what waits for a transaction that could not begin."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _ends(self) -> dict[str, int]:
        topics = [topic for topic in self._bus.topics(self._topics) if self._bus.partitions(topic) == 1]
        return {topic: self._bus.end(topic, 0) for topic in topics}

    @staticmethod
    def _put(change: Transaction, said: _Declaration, after: dict[str, int]) -> int:
        key = said.source.encode()
        kept = change.get(STORE, key)
        before = _decode(kept).complete_to if kept else 0
        mark = max(min(said.complete_to, said.now), before)
        change.put(STORE, key, _encode(DeclaredMark(mark, said.now, after)))
        return mark

    def all(self) -> Mapping[str, DeclaredMark]:
        """Return source → its mark."""
        return {key.decode(): _decode(value) for key, value in self._bus.entries(STORE)}
