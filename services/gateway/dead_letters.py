"""Dead letters: what a publisher may send but what cannot go on, kept sealed under its label on `casebus.dlq`.

The open part of a letter names source, type, code and the places that are wrong; what the event says, its flags
included, is sealed. A publisher sees its own letters only. Release writes letters of its own form to the same topic;
they are listed beside ours.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from schemas.faults import Fault
from schemas.texts import Language, text
from security.labels import Label
from security.sealing import Sealer
from streams.bus.port import Bus, Record, Stored
from streams.runners.releasing import DEAD_LETTERS
from streams.runners.releasing import DeadLetter as ReleaseLetter

VERSION: Final = 2
"""Version 1 is release's own form."""
TOPIC: Final = DEAD_LETTERS
UNKNOWN_AGENCY: Final = "gateway"
"""The key under which events of an unknown type lie: nobody knows whose they are."""
READ: Final = 500
PARTITION: Final = 0
_DOMAIN: Final = b"casebus-dead-letter-v2\0"


class Place(msgspec.Struct, array_like=True, frozen=True):
    """One fault in short: where and why."""

    path: str
    code: str


class Letter(msgspec.Struct, array_like=True, frozen=True):
    """A dead letter of the gateway; `sealed` holds (flags, the event as it was sent), `body` its SHA-256 as sent."""

    v: int
    source: str
    event_id: bytes
    type: str
    code: str
    level: int
    at: int
    faults: tuple[Place, ...]
    sealed: bytes
    body: bytes = b""


class _Version(msgspec.Struct, array_like=True):
    v: int


@dataclass(frozen=True)
class Draft:
    """A letter to be written: open attributes, and what will be sealed."""

    source: str
    agency: str
    event_id: bytes
    type: str
    code: str
    label: Label
    at: int
    faults: tuple[Fault, ...]
    flags: frozenset[str]
    said: Any
    body: bytes

    def record(self, sealer: Sealer) -> Record:
        """Seal the letter; the record's key is a keyed digest of source and event id."""
        clear = msgspec.msgpack.encode((sorted(self.flags), msgspec.json.encode(self.said)))
        sealed = sealer.seal(sealer.name(self.agency, self.label), self._bound(), clear)
        places = tuple(Place(fault.path, fault.code) for fault in self.faults)
        letter = Letter(
            VERSION,
            self.source,
            self.event_id,
            self.type,
            self.code,
            self.label.level,
            self.at,
            places,
            sealed,
            self.body,
        )
        return Record(record_key(sealer, self.source, self.event_id), msgspec.msgpack.encode(letter))

    def _bound(self) -> bytes:
        return bound(self.source, self.event_id)


def record_key(sealer: Sealer, source: str, event_id: bytes) -> bytes:
    """Return the key of a record: a keyed digest, never a case number."""
    return sealer.keyed_digest("record", source.encode() + b"\0" + event_id)[:16]


def bound(source: str, event_id: bytes) -> bytes:
    """Return what the sealed part of a letter is bound to."""
    return _DOMAIN + source.encode() + b"\0" + event_id


def original(letter: Letter, sealer: Sealer) -> tuple[frozenset[str], Any]:
    """Open a letter: its flags and the event as it was sent. For re-driving it; the caller decides and audits."""
    flags, said = msgspec.msgpack.decode(sealer.open(letter.sealed, bound(letter.source, letter.event_id)))
    return frozenset(flags), msgspec.json.decode(said)


class RecentLetters:
    """The letters written lately: the same faulty event sent again is the same letter. In memory only."""

    def __init__(self, keep: int = 10_000) -> None:
        self._keep = keep
        self._numbers: dict[bytes, int] = {}

    def find(self, key: bytes) -> int | None:
        """Return the number of the letter, where it is known."""
        return self._numbers.get(key)

    def learn(self, key: bytes, number: int) -> None:
        """Know a letter; the oldest leaves."""
        self._numbers[key] = number
        if len(self._numbers) > self._keep:
            del self._numbers[next(iter(self._numbers))]


def letter_key(source: str, code: str, body: bytes) -> bytes:
    """Name what was sent, by whom, and why it cannot go on."""
    return hashlib.sha256(f"{source}\0{code}\0".encode() + body).digest()


class Listed(NamedTuple):
    """One letter as the index has it."""

    number: int
    code: str
    source: str
    event_id: bytes
    released: bool


class DeadLetters:
    """The dead letters of each source: an index over the topic, read on when asked."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lock = threading.Lock()
        self._next = 0
        self._by_source: dict[str, list[Listed]] = defaultdict(list)

    def listed(self, source: str | None) -> Sequence[Listed]:
        """Return the letters of a source, or of all, oldest first."""
        with self._lock:
            self._read_on()
            if source is not None:
                return tuple(self._by_source.get(source, ()))
            return sorted(row for rows in self._by_source.values() for row in rows)

    def count(self, source: str) -> int:
        """Return how many letters a source has."""
        return len(self.listed(source))

    def stored(self, number: int) -> Stored | None:
        """Return the record of a letter."""
        found = self._bus.read(TOPIC, PARTITION, number, 1)
        return found[0] if found and found[0].offset == number else None

    def _read_on(self) -> None:
        while stored := self._bus.read(TOPIC, PARTITION, self._next, READ):
            for record in stored:
                letter = parsed(record)
                released = isinstance(letter, ReleaseLetter)
                row = Listed(record.offset, letter.code, letter.source, letter.event_id, released)
                self._by_source[letter.source].append(row)
            self._next = stored[-1].offset + 1


def parsed(record: Stored) -> Letter | ReleaseLetter:
    """Decode a letter of either form."""
    version = msgspec.msgpack.decode(record.value, type=_Version).v
    if version == VERSION:
        return msgspec.msgpack.decode(record.value, type=Letter)
    return msgspec.msgpack.decode(record.value, type=ReleaseLetter)


def shown(record: Stored, language: Language) -> dict[str, Any]:
    """Render a letter for its publisher: what is wrong, where, what to do; nothing that the event says."""
    letter = parsed(record)
    path = letter.faults[0].path if isinstance(letter, Letter) and letter.faults else "$"
    told: dict[str, Any] = {
        "number": record.offset,
        "event": str(uuid.UUID(bytes=letter.event_id)) if len(letter.event_id) == 16 else "",  # noqa: PLR2004
        "code": letter.code,
        "message": text(f"{letter.code}.message", language, path=path),
        "hint": text(f"{letter.code}.hint", language, path=path),
    }
    if isinstance(letter, Letter):
        told |= {
            "type": letter.type,
            "level": letter.level,
            "at": letter.at,
            "faults": [{"path": place.path, "code": place.code} for place in letter.faults],
        }
    return told
