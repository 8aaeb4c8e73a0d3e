"""`casebus.work`: the supervision engine's own view, and the marks that travel in-band with it.

A work record is either a batch of facts (what one raw batch released to the engine) or marks. It is sealed whole, bound
to its topic and to the raw position or mark it comes from. Nothing but the length can be read on the broker.

Wire format of the clear: msgpack arrays tagged by their first element; fields only ever grow at the end.
"""

from __future__ import annotations

import msgspec

from streams.supervision.fact import Fact

TOPIC = "casebus.work"
_DOMAIN = b"casebus-work-v1\0"


class FactBatch(msgspec.Struct, array_like=True, tag="facts", frozen=True):
    """The facts of one raw batch, and the control epoch they were released at; 0 where nobody told."""

    facts: tuple[Fact, ...]
    epoch: int = 0


class MarkBatch(msgspec.Struct, array_like=True, tag="marks", frozen=True):
    """Marks, microseconds: the gateway's clock, and up to when each source says it is complete.

    `epoch` is the control epoch that holds from here on, 0 where nobody told.
    """

    clock: int
    sources: dict[str, int]
    epoch: int = 0


WorkItem = FactBatch | MarkBatch

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(FactBatch | MarkBatch).decode


def encode(item: WorkItem) -> bytes:
    """Encode an item, to be sealed."""
    return _encode(item)


def decode(clear: bytes) -> WorkItem:
    """Decode an opened item."""
    item: WorkItem = _decode(clear)
    return item


def work_ad(key: bytes) -> bytes:
    """Return the associated data that binds a sealed item to its record's key."""
    return _DOMAIN + key
