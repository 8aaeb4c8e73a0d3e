"""Wire framing: a zero byte and the schema id before the body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.framing import FramingError, frame, unframe


def test_known_bytes() -> None:
    """The header is Confluent's: magic zero, four bytes big endian."""
    assert frame(9, b"\x02a").hex() == "00000000090261"
    assert frame(2**30 + 5, b"").hex() == "0040000005"


@given(st.integers(0, 2**32 - 1), st.binary(max_size=50))
def test_what_is_framed_comes_back(number: int, body: bytes) -> None:
    """Every id and body survive."""
    assert unframe(frame(number, body)) == (number, body)


@pytest.mark.parametrize("buf", [b"", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x09"])
def test_other_bytes_are_refused(buf: bytes) -> None:
    """A short header and another magic byte are no frame."""
    with pytest.raises(FramingError) as caught:
        unframe(buf)

    assert caught.value.code == "framing.header"
