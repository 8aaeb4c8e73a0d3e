"""How far an input partition has come: one record of its changelog, written in the transaction of what it tells of.

    next      offset of the first input record that has not been applied
    received  writer → the sequence number its next record will bear (inputs that are written by a stage)
    sent      target "topic/partition" → the sequence number our next record to it will bear

A stamp is two headers on every record that a stage writes: who wrote it, and its number in the dense sequence of that
writer to that target partition. Wire format: msgpack array of the fields in their order; it only grows at its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from schemas.errors import IntegrityError

WRITER = "writer"
SEQUENCE = "sequence"
VERSION = 1

Headers = tuple[tuple[str, bytes], ...]


class StampMissingError(IntegrityError):
    """A record on a topic between stages bears no stamp, or one that cannot be read: no stage wrote it."""

    code = "worker.stamp_missing"


class Progress(msgspec.Struct, array_like=True):
    """How far an input partition has come."""

    v: int = VERSION
    next: int = 0
    received: dict[str, int] = msgspec.field(default_factory=dict)
    sent: dict[str, int] = msgspec.field(default_factory=dict)


encode = msgspec.msgpack.Encoder(order="deterministic").encode
decode = msgspec.msgpack.Decoder(Progress).decode


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who wrote a record, and its place in the dense sequence to its partition."""

    writer: str
    sequence: int

    def headers(self) -> Headers:
        """Return the stamp as headers."""
        return ((WRITER, self.writer.encode()), (SEQUENCE, b"%d" % self.sequence))


def stamp_of(headers: Iterable[tuple[str, bytes]]) -> Stamp:
    """Read the stamp of a record; raises `StampMissingError` where there is none."""
    found = dict(headers)
    writer, sequence = found.get(WRITER), found.get(SEQUENCE)
    if not writer or sequence is None or not sequence.isdigit():
        raise StampMissingError
    return Stamp(writer.decode(), int(sequence))
