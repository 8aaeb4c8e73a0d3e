"""Variable-length integers: known bytes, the whole range, every boundary of the tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import varint
from schemas.codec.errors import VarintError

EDGES = [sign * (2**bits) + d for bits in range(63) for d in (-1, 0, 1) for sign in (1, -1)]
LONGS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(EDGES)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (-1, "01"),
        (1, "02"),
        (-64, "7f"),
        (64, "8001"),
        (8191, "fe7f"),
        (8192, "808001"),
        (1_740_000_000_123_456, "8089d59eaaa19706"),
        (2**63 - 1, "feffffffffffffffff01"),
        (-(2**63), "ffffffffffffffffff01"),
    ],
)
def test_known_bytes(number: int, encoded: str) -> None:
    """The examples of the Avro specification, table boundaries, an instant and both ends."""
    assert varint.encode_long(number).hex() == encoded
    assert varint.encode_time(number).hex() == encoded
    assert varint.decode_long(bytes.fromhex(encoded), 0) == (number, len(encoded) // 2)


@given(LONGS, st.binary(max_size=9))
def test_numbers_come_back(number: int, rest: bytes) -> None:
    """Every 64-bit integer is decoded from its bytes, at any offset, and what follows is left alone."""
    body = b"\x80" + varint.encode_long(number) + rest
    end = len(body) - len(rest)

    assert varint.decode_long(body, 1) == (number, end)
    assert varint.decode_time(body, 1) == (number, end)
    assert varint.encode_time(number) == varint.encode_long(number)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_numbers_beyond_64_bits_are_refused(number: int) -> None:
    """An integer that is no long is not cut to one."""
    with pytest.raises(OverflowError):
        varint.encode_long(number)
    with pytest.raises(OverflowError):
        varint.encode_time(number)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_ints_have_32_bits(number: int) -> None:
    """Writing and reading an `int` refuse a number of more than 32 bits."""
    with pytest.raises(OverflowError):
        varint.encode_int(number)
    with pytest.raises(VarintError):
        varint.decode_int(varint.encode_long(number), 0)


def test_endless_numbers_are_refused() -> None:
    """Ten bytes that all say "more follows" are no number, and no more of them are read."""
    with pytest.raises(VarintError):
        varint.decode_long(b"\x80" * 1000, 0)
    with pytest.raises(VarintError):
        varint.decode_long(b"\xff" * 9 + b"\x02", 0)
