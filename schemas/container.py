"""Avro object container files, read without trust (Avro 1.12, "Object Container Files").

    "Obj" 01 ‖ metadata map ‖ sync 16 ‖ { count long ‖ size long ‖ bytes ‖ sync 16 }*

No length is believed before it is compared with what is left, and nothing is inflated beyond the caller's limit: a few
bytes of deflate may stand for gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from schemas.codec import DecodeError
from schemas.codec.varint import decode_long
from schemas.errors import RefusedError

MAGIC: Final = b"Obj\x01"
SYNC: Final = 16
MAX_HEADER: Final = 512 << 10
MAX_ENTRIES: Final = 64
_RAW_DEFLATE: Final = -15


class ContainerError(RefusedError):
    """The bytes are no container file, or one that breaks off; fields: `offset`."""

    code: ClassVar[str] = "container.malformed"
    http_status: ClassVar[int] = 400


class ContainerSchemaError(RefusedError):
    """The file's schema is not the publisher's form of a contract."""

    code: ClassVar[str] = "container.schema"


class ContainerCodecError(RefusedError):
    """The file is compressed in a way that is not taken."""

    code: ClassVar[str] = "container.codec"
    http_status: ClassVar[int] = 415


class ContainerSizeError(RefusedError):
    """The file holds more events or bytes than a request may; fields: `limit`."""

    code: ClassVar[str] = "container.too_large"
    http_status: ClassVar[int] = 413


@dataclass(frozen=True)
class Block:
    """One block: how many records, and their bytes as they stand in the file."""

    count: int
    stored: bytes


@dataclass(frozen=True)
class Container:
    """An opened file: its writer's schema (JSON), its compression, its blocks."""

    schema: bytes
    compression: str
    blocks: tuple[Block, ...]

    def contents(self, limit: int) -> Iterator[tuple[int, bytes]]:
        """Yield (count, record bytes) of each block.

        Raises:
            ContainerSizeError: the blocks hold more than `limit` bytes together. ContainerError: one is torn.
        """
        left = limit
        for block in self.blocks:
            data = block.stored if self.compression == "null" else _inflated(block.stored, left)
            left -= len(data)
            if left < 0:
                raise ContainerSizeError(limit=limit)
            yield block.count, data


def read_container(body: bytes, max_records: int) -> Container:
    """Open a file.

    Raises:
        ContainerError: it is none, or breaks off. ContainerCodecError: its compression is neither null nor deflate.
        ContainerSizeError: it announces more than `max_records` records.
    """
    if not body.startswith(MAGIC):
        raise ContainerError(offset=0)
    try:
        meta, at = _metadata(body[:MAX_HEADER], len(MAGIC))
        blocks = tuple(_blocks(body, at, max_records))
    except (DecodeError, IndexError):
        raise ContainerError(offset=len(body)) from None
    compression = meta.get(b"avro.codec", b"null")
    if compression not in (b"null", b"deflate"):
        raise ContainerCodecError
    return Container(meta.get(b"avro.schema", b""), compression.decode(), blocks)


def _metadata(head: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    found: dict[bytes, bytes] = {}
    while True:
        count, at = decode_long(head, at)
        if count == 0:
            return found, at
        if count < 0:
            count = -count
            _, at = decode_long(head, at)
        if count > MAX_ENTRIES - len(found):
            raise ContainerError(offset=at)
        for _ in range(count):
            key, at = _bytes(head, at)
            found[key], at = _bytes(head, at)


def _blocks(body: bytes, at: int, max_records: int) -> Iterator[Block]:
    sync, at = _exactly(body, at, SYNC)
    records = 0
    while at < len(body):
        count, at = decode_long(body, at)
        stored, at = _bytes(body, at)
        end, at = _exactly(body, at, SYNC)
        if count < 1 or end != sync:
            raise ContainerError(offset=at)
        records += count
        if records > max_records:
            raise ContainerSizeError(limit=max_records)
        yield Block(count, stored)


def _bytes(body: bytes, at: int) -> tuple[bytes, int]:
    size, at = decode_long(body, at)
    return _exactly(body, at, size)


def _exactly(body: bytes, at: int, size: int) -> tuple[bytes, int]:
    if not 0 <= size <= len(body) - at:
        raise ContainerError(offset=at)
    return body[at : at + size], at + size


def _inflated(stored: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    try:
        data = inflater.decompress(stored, limit + 1)
    except zlib.error:
        raise ContainerError(offset=0) from None
    if len(data) <= limit and not inflater.eof:
        raise ContainerError(offset=len(stored))
    return data
