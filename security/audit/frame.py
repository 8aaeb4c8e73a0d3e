"""Frames: length u32, CRC-32C u32, payload (ADR 0005)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

HEAD = Struct(">II")
HEAD_BYTES = HEAD.size


class Frame(NamedTuple):
    """A frame found in bytes: its payload, where it ends, and whether its checksum fits."""

    payload: bytes
    end: int
    fits: bool


def frame(payload: bytes) -> bytes:
    """Return `payload` as a frame."""
    return HEAD.pack(len(payload), crc32c(payload)) + payload


def read_frame(data: bytes, at: int) -> Frame | None:
    """Read the frame at `at`; None where no frame begins: the data ends there, or the length is zero."""
    if at + HEAD_BYTES > len(data):
        return None
    length, crc = HEAD.unpack_from(data, at)
    if not length:
        return None
    start = at + HEAD_BYTES
    payload = data[start : start + length]
    return Frame(payload, start + length, len(payload) == length and crc32c(payload) == crc)
