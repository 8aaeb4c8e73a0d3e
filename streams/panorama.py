"""The rows of the case panorama: what the dashboards' read model keeps of each event.

The panorama is a subscription of the node itself: a row has level 1 and 2 columns in the clear, and the event's class
blobs sealed as one detail, opened per request after a decision for the person who asks.

Wire format: msgpack array of the fields of `EventRow` in their order; the order only ever grows at its end. The detail
seals a msgpack array `[[flag, …], [class blob or nil, …]]`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

TOPIC = "casebus.view.panorama"


class EventRow(msgspec.Struct, array_like=True, frozen=True):
    """One event in the panorama; times in microseconds."""

    event_id: bytes
    type: str
    contract_id: int
    source: str
    district: str
    unit: str
    subject: str
    occurred_at: int
    recorded_at: int
    level: int
    supersedes: bytes | None
    detail: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(EventRow).decode
_decode_detail = msgspec.msgpack.Decoder(tuple[list[str], list[bytes | None]]).decode


def encode(row: EventRow) -> bytes:
    """Encode for the bus."""
    return _encode(row)


def decode(value: bytes) -> EventRow:
    """Decode from the bus."""
    return _decode(value)


def panorama_ad(event_id: bytes) -> bytes:
    """Return the associated data that binds a sealed detail to its event."""
    return b"casebus-panorama-v1\0" + event_id


def encode_detail(flags: frozenset[str], blobs: Sequence[bytes | None]) -> bytes:
    """Encode flags and class blobs, to be sealed."""
    return _encode((sorted(flags), list(blobs)))


def decode_detail(clear: bytes) -> tuple[frozenset[str], list[bytes | None]]:
    """Decode an opened detail into flags and class blobs."""
    flags, blobs = _decode_detail(clear)
    return frozenset(flags), blobs
