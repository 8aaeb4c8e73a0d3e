"""What can be asked of the log, and the terms by which an index finds candidates. Sans-IO (ADR 0012).

A term only says where to look: every record is read again and asked itself. So a term may be coarse, and two values may
share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from security.audit.record import BODY_AT, Entry, FormError, decode

_HEX = 15
_EVENT = 0x5EED
_RECEIVES = frozenset({"release", "pull", "withdraw", "ack"})
PLAIN = ("act", "actor", "case", "obj", "org", "out", "purpose", "role", "why")
"""Header fields that can be asked for as they stand."""
RARE = frozenset({"case", "event", "person"})
"""What has so many values that an index keeps it by blocks of 16 records; everything else by runs of 256."""
_COMMON = tuple(name for name in PLAIN if name not in RARE)
_EVENT_HEX = 32


class Condition(NamedTuple):
    """One condition: one of its terms must be there. `rare`: an index knows its blocks, else its runs only."""

    rare: bool
    terms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question: every condition given must hold; of several values of one condition, any.

    Attributes:
        act, actor, case, obj, org, out, purpose, role, why: as in the record's header; `case` is a keyed digest, 64
            hex; a decision is its `out`, its reason code `why`.
        sub: subscription that received (`obj` of a release, pull or acknowledgement, else `sub` of the data).
        event: ids of events, 32 hex: in a manifest, a publication, a refusal, or what the record is about.
        field: fields that were shown, `type.field`: in the masks of a manifest, or the fields of an opening.
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
    why: tuple[str, ...] = ()
    field: tuple[str, ...] = ()
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
                (self.field, _fields(record)),
            )
            if wanted
        )

    @property
    def conditions(self) -> list[Condition]:
        """The conditions that an index can help with."""
        found = []
        for one in fields(self):
            values = getattr(self, one.name)
            if isinstance(values, tuple) and values and "" not in values:
                found.append(Condition(one.name in RARE, tuple(term(one.name, value) for value in values)))
        return found

    @property
    def needles(self) -> list[tuple[bytes, ...]]:
        """The bytes of each condition: a record's entry that holds none of them cannot answer.

        Canonical JSON writes a text in one way, so that bytes can be looked for before anything is decoded. A field
        stands in two forms, in masks and in openings, and is left to the record itself.
        """
        found = []
        for one in fields(self):
            values = getattr(self, one.name)
            if one.name != "field" and isinstance(values, tuple) and values and "" not in values:
                found.append(tuple(msgspec.json.encode(value) for value in values))
        return found


def term(kind: str, value: str) -> int:
    """Return the term of a value: 63 bits."""
    return _event_term(value) if kind == "event" else _term(kind, value)


def common_terms(records: Sequence[Entry]) -> set[int]:
    """Return the common terms of records; values are gathered first, so that each is hashed once."""
    found: set[int] = set()
    for name in _COMMON:
        found.update(_term(name, value) for value in {getattr(record, name) for record in records} if value)
    received = {record.obj for record in records if record.act in _RECEIVES}
    received.update(sub for record in records if isinstance(sub := record.data.get("sub"), str))
    found.update(_term("sub", sub) for sub in received if sub)
    found.update(_term("field", shown) for shown in _shown(records))
    return found


def rare_terms(records: Sequence[Entry]) -> set[int]:
    """Return the rare terms of records: cases, events, persons."""
    found: set[int] = set()
    for record in records:
        if record.case:
            found.add(_term("case", record.case))
        if len(record.obj) == _EVENT_HEX:
            found.add(_event_term(record.obj))
        data = record.data
        if data:
            _gather(data, found)
    return found


def _gather(data: dict[str, Any], found: set[int]) -> None:
    if "corrects" in data or "because" in data:
        found.update(map(_event_term, _texts(data, "", "corrects") | _texts(data, "", "because")))
    many = data.get("events")
    if many is not None or "event" in data:
        if "event" not in data and isinstance(many, list) and set(map(type, many)) <= {str}:
            found.update(map(_event_term, many))  # as nearly every manifest has it
        else:
            found.update(map(_event_term, _texts(data, "event", "events")))
    if "person" in data or "persons" in data:
        found.update(_term("person", person) for person in _texts(data, "person", "persons"))


def _subs(record: Entry) -> set[str]:
    found = {record.obj} if record.act in _RECEIVES else set()
    return found | _texts(record.data, "sub", "")


def _events(record: Entry) -> set[str]:
    data = record.data
    found = _texts(data, "event", "events") | _texts(data, "", "corrects") | _texts(data, "", "because")
    return found | {record.obj} if len(record.obj) == _EVENT_HEX else found


def _persons(record: Entry) -> set[str]:
    return _texts(record.data, "person", "persons")


def _fields(record: Entry) -> set[str]:
    return _shown([record])


def _shown(records: Sequence[Entry]) -> set[str]:
    """Return the fields that records show, `type.field`; masks repeat, so each is spelled out once."""
    masks: set[tuple[str, tuple[str, ...]]] = set()
    found: set[str] = set()
    for record in records:
        data = record.data
        if "masks" in data:
            masks.update(_masks(data["masks"]))
        if "fields" in data:
            found |= _texts(data, "", "fields")
    return found.union(*(tuple(f"{kind}.{name}" for name in names) for kind, names in masks))


def _masks(said: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Read the masks of a manifest; what is none says nothing."""
    found = []
    for mask in said if isinstance(said, list) else ():
        match mask:
            case [str() as kind, [*names]]:
                found.append((kind, tuple(name for name in names if isinstance(name, str))))
            case _:
                pass
    return found


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
