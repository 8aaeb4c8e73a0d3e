"""The newest marks, as the runner tells the read model: the gateway's clock, each source's mark, and who is silent."""

from __future__ import annotations

import msgspec

TOPIC = "casebus.marks"


class MarksRecord(msgspec.Struct, array_like=True, frozen=True):
    """One step of the marks; a source that is not named keeps its mark. Times in microseconds."""

    v: int
    clock: int
    sources: dict[str, int]
    silent: tuple[str, ...]


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(MarksRecord).decode


def encode(record: MarksRecord) -> bytes:
    """Encode for the bus."""
    return _encode(record)


def decode(value: bytes) -> MarksRecord:
    """Decode from the bus."""
    return _decode(value)
