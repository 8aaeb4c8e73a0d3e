"""Avro's variable-length zigzag integers, by table: 14 bits a look-up instead of 7 bits a loop turn.

`ENDING[z]` is the encoding of the zigzag value z < 2^14; `GOING[z]` is two bytes that both say "more follows".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NoReturn

from schemas.codec.errors import VarintError

CHUNK = 14
MASK = (1 << CHUNK) - 1
INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1

GOING = tuple(bytes((z & 127 | 128, z >> 7 | 128)) for z in range(1 << CHUNK))
ENDING = tuple(bytes((z,)) if z < 128 else bytes((z & 127 | 128, z >> 7)) for z in range(1 << CHUNK))  # noqa: PLR2004
LENGTH = ENDING[::2]
"""Length prefix of n < 2^13 bytes."""
SOME_LENGTH = tuple(b"\x02" + prefix for prefix in LENGTH)
"""The same, after the byte that says a nullable value is there."""

_TIME_LOW, _TIME_HIGH = 1 << 48, 1 << 55
_FOUR_PAIRS = struct.Struct("<4H").unpack_from


def _pairs(encoded: Sequence[bytes]) -> list[Any]:
    """Turn two-byte encodings round: little-endian pair of bytes → their 14 bits; None where a pair means nothing."""
    table: list[Any] = [None] * (1 << 16)
    for z, pair in enumerate(encoded):
        if len(pair) == 2:  # noqa: PLR2004 - a single byte ends earlier
            table[pair[0] | pair[1] << 8] = z
    return table


_GOING_PAIR, _ENDING_PAIR = _pairs(GOING), _pairs(ENDING)


def encode_long(n: int) -> bytes:
    """Encode a 64-bit integer; OverflowError outside."""
    z = n << 1 if n >= 0 else ~(n << 1)
    if z < 1 << 14:
        return ENDING[z]
    if z < 1 << 28:
        return GOING[z & MASK] + ENDING[z >> 14]
    if not -LONG_MAX - 1 <= n <= LONG_MAX:
        raise OverflowError
    parts = []
    while z >= 1 << 14:
        parts.append(GOING[z & MASK])
        z >>= 14
    parts.append(ENDING[z])
    return b"".join(parts)


def encode_int(n: int) -> bytes:
    """Encode a 32-bit integer; OverflowError outside."""
    if not -INT_MAX - 1 <= n <= INT_MAX:
        raise OverflowError
    return encode_long(n)


def encode_time(n: int) -> bytes:
    """Encode microseconds: eight bytes for the years 1978 to 3111, taken first."""
    if _TIME_LOW <= n < _TIME_HIGH:
        z = n << 1
        return GOING[z & MASK] + GOING[z >> 14 & MASK] + GOING[z >> 28 & MASK] + ENDING[z >> 42]
    return encode_long(n)


def decode_long(buf: bytes, at: int) -> tuple[int, int]:
    """Decode a zigzag integer of at most 64 bits at `at`; returns (number, next offset). IndexError at the end."""
    z = shift = 0
    start = at
    while True:
        byte = buf[at]
        at += 1
        z |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the last byte has no continuation bit
            break
        shift += 7
        if shift > 63:  # noqa: PLR2004 - the tenth byte must be the last
            _refuse(start)
    if z >> 64:
        _refuse(start)
    return (z >> 1) ^ -(z & 1), at


def decode_int(buf: bytes, at: int) -> tuple[int, int]:
    """Decode a zigzag integer of at most 32 bits."""
    n, after = decode_long(buf, at)
    if not -INT_MAX - 1 <= n <= INT_MAX:
        _refuse(at)
    return n, after


def decode_time(buf: bytes, at: int) -> tuple[int, int]:
    """Decode microseconds: eight bytes at once, two a look-up, where there are eight."""
    try:
        a, b, c, d = _FOUR_PAIRS(buf, at)
        z = _GOING_PAIR[a] | _GOING_PAIR[b] << 14 | _GOING_PAIR[c] << 28 | _ENDING_PAIR[d] << 42
    except (TypeError, struct.error):
        return decode_long(buf, at)
    return (z >> 1) ^ -(z & 1), at + 8


_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")


def encode_double(x: float) -> bytes:
    """Encode a double: 8 bytes, little endian."""
    return _DOUBLE.pack(x)


def encode_float(x: float) -> bytes:
    """Encode a float: 4 bytes, little endian."""
    return _FLOAT.pack(x)


def decode_double(buf: bytes, at: int) -> tuple[float, int]:
    """Decode a double; struct.error at the end."""
    return _DOUBLE.unpack_from(buf, at)[0], at + 8


def decode_float(buf: bytes, at: int) -> tuple[float, int]:
    """Decode a float; struct.error at the end."""
    return _FLOAT.unpack_from(buf, at)[0], at + 4


def _refuse(offset: int) -> NoReturn:
    raise VarintError(contract="", offset=offset)
