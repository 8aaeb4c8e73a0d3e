"""What can be asked of the log, and the terms by which an index finds candidates. Sans-IO (ADR 0012).

A term only says where to look: every record is read again and asked itself. So a term may be coarse, and two values may
share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from security.audit.record import BODY_AT, Entry, FormError, decode

_HEX = 15
_EVENT = 0x5EED
_RECEIVES = frozenset({"release", "pull"})
PLAIN = ("act", "actor", "case", "obj", "org", "out", "purpose", "role")
"""Header fields that can be asked for as they stand."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question: every condition given must hold; of several values of one condition, any.

    Attributes:
        act, actor, case, obj, org, out, purpose, role: as in the record's header; `case` is a keyed digest, 64 hex.
        sub: subscription that received (`obj` of a release or pull, else `sub` of the data).
        event: ids of events, 32 hex: in a manifest, a publication, a refusal, or what the record is about.
        person: keyed digest of a person, 64 hex, where the act carries one (`person` or `persons` of the data).
        since, until: microseconds since 1970 UTC, both included.
    """

    act: tuple[str, ...] = ()
    actor: tuple[str, ...] = ()
    case: tuple[str, ...] = ()
    obj: tuple[str, ...] = ()
    org: tuple[str, ...] = ()
    out: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    sub: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    person: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    def matches(self, record: Entry) -> bool:
        """Tell whether a record answers the question."""
        if (self.since is not None and record.ts < self.since) or (self.until is not None and record.ts > self.until):
            return False
        if any(wanted and getattr(record, name) not in wanted for name in PLAIN if (wanted := getattr(self, name))):
            return False
        return all(
            not wanted or not found.isdisjoint(wanted)
            for wanted, found in (
                (self.sub, _subs(record)),
                (self.event, _events(record)),
                (self.person, _persons(record)),
            )
            if wanted
        )

    @property
    def conditions(self) -> list[tuple[int, ...]]:
        """The terms of each condition that an index can help with: one of each must be there."""
        found = []
        for one in fields(self):
            values = getattr(self, one.name)
            if isinstance(values, tuple) and values and "" not in values:
                found.append(tuple(term(one.name, value) for value in values))
        return found

    @property
    def needles(self) -> list[tuple[bytes, ...]]:
        """The bytes of each condition: a record's entry that holds none of them cannot answer.

        Canonical JSON writes a text in one way, so that bytes can be looked for before anything is decoded.
        """
        found = []
        for one in fields(self):
            values = getattr(self, one.name)
            if isinstance(values, tuple) and values and "" not in values:
                found.append(tuple(msgspec.json.encode(value) for value in values))
        return found


def term(kind: str, value: str) -> int:
    """Return the term of a value: 63 bits."""
    return _event_term(value) if kind == "event" else _term(kind, value)


def terms_of(records: Sequence[Entry]) -> set[int]:
    """Return the terms of records together; values are gathered first, so that a common one is hashed once."""
    found: set[int] = set()
    for name in PLAIN:
        found.update(_term(name, value) for value in {getattr(record, name) for record in records} if value)
    received = {record.obj for record in records if record.act in _RECEIVES}
    events: list[str] = [record.obj for record in records if record.obj]
    persons: list[str] = []
    for record in records:
        data = record.data
        if data:
            _gather(data, received, events, persons)
    found.update(_term("sub", sub) for sub in received if sub)
    found.update(map(_event_term, set(events)))
    found.update(_term("person", person) for person in set(persons))
    return found


def _gather(data: dict[str, Any], received: set[str], events: list[str], persons: list[str]) -> None:
    get = data.get
    if isinstance(sub := get("sub"), str):
        received.add(sub)
    if (many := get("events")) is not None or "event" in data:
        if "event" not in data and isinstance(many, list) and set(map(type, many)) <= {str}:
            events += many  # as nearly every manifest has it
        else:
            events += _texts(data, "event", "events")
    if "person" in data or "persons" in data:
        persons += _texts(data, "person", "persons")


def _subs(record: Entry) -> set[str]:
    found = {record.obj} if record.act in _RECEIVES else set()
    return found | _texts(record.data, "sub", "")


def _events(record: Entry) -> set[str]:
    return _texts(record.data, "event", "events") | {record.obj}


def _persons(record: Entry) -> set[str]:
    return _texts(record.data, "person", "persons")


def _texts(data: dict[str, Any], one: str, many: str) -> set[str]:
    found = set()
    value, values = data.get(one), data.get(many)
    if isinstance(value, str):
        found.add(value)
    if isinstance(values, list):
        found.update(each for each in values if isinstance(each, str))
    return found


def _event_term(value: str) -> int:
    """Ids of events are many: their own last hex digits serve as the term."""
    try:
        return int(value[-_HEX:], 16) ^ _EVENT
    except ValueError:
        return _term("event", value)


@lru_cache(maxsize=1 << 16)
def _term(kind: str, value: str) -> int:
    digest = blake2b(f"{kind}\0{value}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def matching(entries: Sequence[bytes], question: Question) -> list[tuple[int, Entry]]:
    """Return (place, record) of the entries that answer the question; what cannot be decoded does not."""
    places: Sequence[int] = range(len(entries))
    for needles in question.needles:
        if len(needles) == 1:
            needle = needles[0]
            places = [at for at in places if needle in entries[at]]
        else:
            places = [at for at in places if any(needle in entries[at] for needle in needles)]
    found = []
    for at in places:
        try:
            record = decode(entries[at][BODY_AT:])
        except FormError:
            continue
        if question.matches(record):
            found.append((at, record))
    return found
