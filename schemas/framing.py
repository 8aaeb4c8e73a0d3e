"""Wire framing of a record: a zero byte, the schema id as four bytes big endian, the Avro body.

This is the framing that Confluent's serialisers introduced and that registries and consumers of the field read. Ids
below 2^30 are contracts, ids from 2^30 on are views.
"""

from __future__ import annotations

import struct

from schemas.codec.errors import DecodeError

MAGIC = 0
HEADER = 5
_HEAD = struct.Struct(">BI")


class FramingError(DecodeError):
    """The bytes carry no framed record; fields: `contract` (empty), `offset`."""

    code = "framing.header"


def frame(schema_id: int, body: bytes) -> bytes:
    """Put the header before an Avro body; `schema_id` is an unsigned 32-bit number."""
    return _HEAD.pack(MAGIC, schema_id) + body


def unframe(buf: bytes) -> tuple[int, bytes]:
    """Return (schema id, Avro body); raises `FramingError` when the header is short or not ours."""
    if len(buf) < HEADER or buf[0] != MAGIC:
        raise FramingError(contract="", offset=0)
    return int.from_bytes(buf[1:HEADER], "big"), buf[HEADER:]
