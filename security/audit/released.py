"""Manifests read as an answer: which event was released to whom, when, by which rule. Sans-IO.

A manifest that stands twice (a node was killed between manifest and delivery) has one `idem`: it is one release, told
once, with every record that says it. What became of it afterwards stands in `security.audit.received`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from security.audit.record import Entry

RELEASE = "release"


@dataclass(frozen=True, slots=True)
class ReleasedTo:
    """One event to one receiver. `seqs`: the records that say so; `withheld`: fields kept back in the manifest."""

    event: str
    sub: str
    org: str
    purpose: str
    policy: str
    epoch: int
    ts: int
    seqs: tuple[int, ...]
    withheld: int

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def released(records: Iterable[Entry], events: Collection[str] = ()) -> list[ReleasedTo]:
    """Return what the release manifests among `records` say, in the order of the log; with `events`, of these only."""
    found: dict[tuple[str, ...], ReleasedTo] = {}
    for record in records:
        if record.act != RELEASE or record.out != "ok":
            continue
        listed = record.data.get("events")
        for event in listed if isinstance(listed, list) else ():
            if not isinstance(event, str) or (events and event not in events):
                continue
            key = (event, record.obj, record.idem or f"#{record.seq}")
            known = found.get(key)
            found[key] = _told(record, event, known.seqs if known else ())
    return list(found.values())


def _told(record: Entry, event: str, seqs: tuple[int, ...]) -> ReleasedTo:
    withheld = record.data.get("withheld", 0)
    return ReleasedTo(
        event=event,
        sub=record.obj,
        org=record.org,
        purpose=record.purpose,
        policy=record.pol,
        epoch=record.ctl,
        ts=record.ts,
        seqs=(*seqs, record.seq),
        withheld=withheld if isinstance(withheld, int) else 0,
    )
