"""What receivers took of what was released to them, and how far they say they have come. Sans-IO.

A `pull` record stands before its views leave: it says that they were handed over, by whom and when, and names their
events. An `ack` record says up to which offset of the topic the receiver has everything: its own word, kept by us.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from security.audit.record import Entry

PULL = "pull"
ACK = "ack"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One event that was handed to a receiver: by which record, at which offset of its topic, on which way."""

    event: str
    sub: str
    actor: str
    seq: int
    ts: int
    part: int
    offset: int
    way: str

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One acknowledgement: everything up to offset `through` of a partition."""

    sub: str
    actor: str
    seq: int
    ts: int
    part: int
    through: int
    way: str

    def covers(self, fetched: Fetched) -> bool:
        """Tell whether it says that this event has arrived."""
        return (self.sub, self.part) == (fetched.sub, fetched.part) and self.through >= fetched.offset

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def fetched(records: Iterable[Entry], events: Collection[str]) -> list[Fetched]:
    """Return where the `pull` records among `records` hand over one of `events`, in the order of the log.

    The events of a record stand in the order of its offsets. Where these do not follow each other (on Kafka marks of
    transactions use some up) the last one stands for each: an acknowledgement then covers none too early.
    """
    found = []
    for record in records:
        listed = record.data.get("events")
        if record.act != PULL or record.off is None or not isinstance(listed, list):
            continue
        last = record.data.get("last")
        dense = not isinstance(last, int) or last - record.off == len(listed) - 1
        for place, event in enumerate(listed):
            if event in events:
                way = _text(record.data.get("way"))
                at = record.off + place if dense or not isinstance(last, int) else last
                found.append(Fetched(event, record.obj, record.actor, record.seq, record.ts, record.part or 0, at, way))
    return found


def acknowledged(record: Entry) -> Acknowledged | None:
    """Return what an `ack` record says; None for another record."""
    if record.act != ACK or record.off is None:
        return None
    way = _text(record.data.get("way"))
    return Acknowledged(record.obj, record.actor, record.seq, record.ts, record.part or 0, record.off, way)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
