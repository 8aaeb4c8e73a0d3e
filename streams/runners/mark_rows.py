"""What a gateway tells behind everything it sent: a record of marks for each raw partition.

A gateway tells the marks of its own sources and of no others: theirs are ordered where they publish. The clock and the
control epoch are told by the node alone, which is the one writer of control; a gateway beside it tells 0 of both, which
changes neither. So no gateway that is away holds the others back: its sources are silent, and are treated as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from security.sealing import Sealer
from streams.bus.port import Reader, Record
from streams.runners.faust.marks import raw_marks
from streams.runners.releasing import RAW

Agencies = Callable[[], Mapping[str, str]]
"""Answers source → its agency, of the sources that publish here."""


def mark_rows(
    bus: Reader, sealer: Sealer, declared: Mapping[str, int], agencies: Mapping[str, str], clock: int, epoch: int
) -> dict[tuple[str, int], list[Record]]:
    """Return (raw topic, partition) → the record of marks that goes there.

    A topic speaks for its own sources only: another's events are ordered in another topic.
    """
    rows: dict[tuple[str, int], list[Record]] = {}
    for topic in bus.topics(RAW):
        mine = {s: mark for s, mark in declared.items() if agencies.get(s) == topic.removeprefix(RAW)}
        for n in range(bus.partitions(topic)):
            if mine or clock:
                rows[topic, n] = [raw_marks(sealer, topic, n, clock, mine, epoch)]
    return rows
