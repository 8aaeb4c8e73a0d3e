"""Receipts: one signature a commit, each verifiable alone and offline; nothing altered passes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.keys.signing import Ed25519Signer
from services.gateway.receipt import Commit, Receipt, Statement, fingerprint, verify

SIGNER = Ed25519Signer(bytes(range(32)))
OTHER = Ed25519Signer(bytes(32))
BODY = b'{"specversion":"1.0"}'

# The receipt of the one event of a commit, as it was first written: its bytes may never change.
GOLDEN = (
    '{"statement":{"at":1772323200000000,"body":"'
    + hashlib.sha256(BODY).hexdigest()
    + '","id":"00000000-0000-8000-8000-000000000000","node":"n1","seq":7,"source":"court-990101/trial","v":1},'
    '"index":0,"size":1,"path":[],"signature":"SIGNATURE","key":"KEY"}'
)


def statement(number: int = 0) -> Statement:
    """Return the statement of event `number`."""
    return Statement(
        at=1_772_323_200_000_000,
        body=hashlib.sha256(BODY).hexdigest(),
        id=f"00000000-0000-8000-8000-{number:012d}",
        node="n1",
        seq=7,
        source="court-990101/trial",
    )


@given(st.integers(1, 40), st.data())
def test_each_receipt_verifies_alone(size: int, data: st.DataObject) -> None:
    """Whatever the size of the commit and the place in it."""
    commit = Commit([statement(n) for n in range(size)], SIGNER)

    receipt = commit.receipt(data.draw(st.integers(0, size - 1)))

    assert verify(receipt, SIGNER.public_key, BODY)
    assert not verify(receipt, OTHER.public_key, BODY)
    assert not verify(receipt, SIGNER.public_key, BODY + b" ")


ALTERATIONS: list[dict[str, Any]] = [
    {"index": 1},
    {"index": -1},
    {"index": 5},
    {"size": 6},
    {"size": 4},
    {"size": 0},
    {"size": 2**40},
    {"path": ()},
    {"path": ("00" * 32,) * 3},
    {"path": ("zz",) * 3},
    {"signature": "00" * 64},
    {"signature": "?"},
    {"statement": statement(3)},
]


@pytest.mark.parametrize("change", ALTERATIONS)
def test_nothing_altered_passes(change: dict[str, Any]) -> None:
    """Index, size, path, signature and statement belong together; nonsense is false, never an error."""
    receipt = Commit([statement(n) for n in range(5)], SIGNER).receipt(2)

    assert verify(receipt, SIGNER.public_key)
    assert not verify(msgspec.structs.replace(receipt, **change), SIGNER.public_key)


@given(st.integers(0, 7), st.integers(0, 255))
def test_a_flipped_bit_of_the_path_is_seen(bit: int, at: int) -> None:
    """Each bit of the proof counts."""
    receipt = Commit([statement(n) for n in range(8)], SIGNER).receipt(5)
    path = bytearray(bytes.fromhex("".join(receipt.path)))
    path[at % len(path)] ^= 1 << bit
    hexed = bytes(path).hex()

    altered = msgspec.structs.replace(receipt, path=tuple(hexed[n : n + 64] for n in range(0, len(hexed), 64)))

    assert not verify(altered, SIGNER.public_key)


def test_the_bytes_of_a_receipt_are_fixed() -> None:
    """A receipt handed out years ago still verifies: form, domain and tree are golden."""
    text = GOLDEN.replace("KEY", fingerprint(SIGNER.public_key)).replace("SIGNATURE", GOLDEN_SIGNATURE)

    receipt = msgspec.json.decode(text, type=Receipt)

    assert Commit([statement()], SIGNER).receipt(0) == receipt
    assert msgspec.json.encode(receipt).decode() == text
    assert verify(receipt, SIGNER.public_key, BODY)


GOLDEN_SIGNATURE = (
    "7e34685c9b5f2b08107aede7a1608354a43cf06bf005ac6c25fe0b525911c9fd"
    "56f2b215b6c3715d64dce2b85adc6d744e60ae4bfd2719ba7a878d33031b0f0c"
)
