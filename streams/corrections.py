"""What release must remember to carry a correction to everyone who holds the original.

Three kinds of value stand in release's memory, told apart by their length:

- of an id that was released, 34 bytes: `Seen`. One of 16 bytes, the payload digest alone, is of an earlier version: the
  id is known, its place is not.
- of an id that a correction named before it came, 1 + 17 n bytes: `Awaited`.
- of a raw record (under a key that no id has), who got which of its events: `Given`.

Everything here is a plain function; a memory is asked by `find`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from struct import Struct
from typing import NamedTuple

import msgspec

from schemas.correction import ID_LENGTH, withdraws

PAYLOAD_LENGTH = 16
_PLACE = Struct(">QHII")
SEEN_LENGTH = PAYLOAD_LENGTH + _PLACE.size
HOUR = 3_600_000_000
SUPERSEDED, WITHDRAWN = "superseded", "withdrawn"

Find = Callable[[bytes], bytes | None]
"""Answers what release's memory holds under a key."""


class Seen(NamedTuple):
    """An event that was released: what it said, where it stands, its type's checksum, the hour it was recorded in."""

    payload: bytes
    offset: int
    position: int
    type_sum: int
    hour: int

    def pack(self) -> bytes:
        """Return its bytes."""
        return self.payload + _PLACE.pack(self.offset, self.position, self.type_sum, self.hour)


class Told(NamedTuple):
    """What one receiver is told of one event it holds.

    Attributes:
        original: id of the event that no longer stands; because: id of the event that says so.
        kind: superseded or withdrawn.
        release: identity of the manifest that gave the original to this receiver.
    """

    original: bytes
    because: bytes
    kind: str
    release: str


class Given(msgspec.Struct, array_like=True, frozen=True):
    """What one subscription got of one raw record: the identity of its manifest, and a bit for each event."""

    subscription: str
    manifest: str
    bits: bytes

    def has(self, index: int) -> bool:
        """Tell whether the event at `index` of the record was given."""
        return index >> 3 < len(self.bits) and bool(self.bits[index >> 3] >> (index & 7) & 1)


_encode_given = msgspec.msgpack.Encoder().encode
_decode_given = msgspec.msgpack.Decoder(list[Given]).decode


def seen(payload: bytes, offset: int, position: int, event_type: str, recorded_at: int) -> Seen:
    """Return what is remembered of an event that is released now."""
    return Seen(payload, offset, position, type_sum(event_type), max(recorded_at // HOUR, 0) & 0xFFFF_FFFF)


def type_sum(event_type: str) -> int:
    """Return the checksum by which an event's type is remembered."""
    return zlib.crc32(event_type.encode())


def read_seen(value: bytes | None) -> Seen | None:
    """Read what is remembered of an id; None where it was not released, or nobody knows where it stands."""
    if value is None or len(value) != SEEN_LENGTH:
        return None
    return Seen(value[:PAYLOAD_LENGTH], *_PLACE.unpack_from(value, PAYLOAD_LENGTH))


def payload_of(value: bytes | None) -> bytes | None:
    """Return the payload digest of an id that was released; None where it was not."""
    if value is None or len(value) not in {PAYLOAD_LENGTH, SEEN_LENGTH}:
        return None
    return value[:PAYLOAD_LENGTH]


def await_original(value: bytes | None, correcting: bytes, reference: bytes) -> bytes:
    """Return what is to be remembered of an id that a correction named before the event itself came."""
    entry = correcting + bytes([withdraws(reference)])
    return (value or b"\0") + entry if value is None or entry not in awaited_entries(value) else value


def awaited(value: bytes | None) -> list[tuple[bytes, str]]:
    """Return (id of the correction, kind) of the corrections that came before this event."""
    if value is None or len(value) % (ID_LENGTH + 1) != 1:
        return []
    return [(entry[:ID_LENGTH], WITHDRAWN if entry[-1] else SUPERSEDED) for entry in awaited_entries(value)]


def awaited_entries(value: bytes) -> list[bytes]:
    """Return the entries of what is remembered of an id that has not come yet."""
    width = ID_LENGTH + 1
    return [value[at : at + width] for at in range(1, len(value), width)]


def given_key(topic: str, partition: int, offset: int) -> bytes:
    """Return the key of who got what of a raw record; it is longer than any key of an id."""
    return f"given/{topic}/{partition}/{offset}".encode()


def pack_given(shares: Iterable[tuple[str, str, Iterable[int]]]) -> bytes:
    """Pack (subscription, manifest, places of the events) of every receiver that got any."""
    rows = []
    for subscription, manifest, places in shares:
        bits = 0
        for place in places:
            bits |= 1 << place
        rows.append(Given(subscription, manifest, bits.to_bytes((bits.bit_length() + 7) // 8, "little")))
    return _encode_given(rows)


def holders(find: Find, topic: str, partition: int, known: Seen) -> dict[str, str]:
    """Return subscription → identity of the manifest of everyone who was given an event."""
    row = find(given_key(topic, partition, known.offset))
    return {each.subscription: each.manifest for each in _decode_given(row) if each.has(known.position)} if row else {}


def kind_of(reference: bytes) -> str:
    """Say what a reference does to its event."""
    return WITHDRAWN if withdraws(reference) else SUPERSEDED
