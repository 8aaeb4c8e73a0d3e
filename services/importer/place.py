"""Where a row stands in what is imported: what a rejection names, never what the row says.

A place is an integer, the line of a file, or one of the tuples below. Places of one import sort in the order of
reading, and where a mapping declares no sequence key they stand for it.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from schemas.event import sequence_of
from schemas.texts import Language, text

SHOWN_DIGITS = 12
"""A whole number of so many digits at most is shown as a key: identity numbers have fifteen or eighteen."""


class EventPlace(NamedTuple):
    """An event of an XES log: the trace's number and the event's number in it, from 1; trace 0 is none."""

    trace: int
    event: int


class KeyPlace(NamedTuple):
    """A row of a table, by its key."""

    key: int | str


class RecordPlace(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int


Place = int | EventPlace | KeyPlace | RecordPlace


def sequence_key(place: Place) -> str:
    """Return the sequence key of a row whose mapping declares none."""
    return sequence_of(place) if isinstance(place, int) else sequence_of(*place)


def order(place: Place) -> tuple[tuple[bool, int | str], ...]:
    """Return what sorts places; keys of a table may be numbers and texts."""
    parts: tuple[int | str, ...] = (place,) if isinstance(place, int) else place
    return tuple((isinstance(part, str), part) for part in parts)


def as_dict(place: Place) -> dict[str, Any]:
    """Render a place for JSON; a key that might be a person's number stands as the beginning of its SHA-256."""
    if isinstance(place, int):
        return {"line": place}
    if isinstance(place, KeyPlace):
        return {"key": _shown(place.key)}
    return place._asdict()


def named(place: Place, language: Language) -> str:
    """Name a place for a person."""
    match place:
        case EventPlace(trace, event):
            return text("importer.place.event", language, trace=trace, event=event)
        case KeyPlace(key):
            return text("importer.place.key", language, key=_shown(key))
        case RecordPlace(partition, offset):
            return text("importer.place.record", language, partition=partition, offset=offset)
    return text("importer.place.line", language, line=place)


def _shown(key: int | str) -> int | str:
    if isinstance(key, int) and len(str(abs(key))) <= SHOWN_DIGITS:
        return key
    return f"sha256:{hashlib.sha256(str(key).encode()).hexdigest()[:16]}"
