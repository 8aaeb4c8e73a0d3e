"""Control records: golden bytes, signatures, and a snapshot that never goes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import CasebusError
from security.control import (
    KINDS,
    ControlApproversError,
    ControlFormatError,
    ControlGapError,
    ControlKindError,
    ControlRecord,
    ControlSignatureError,
    ControlStaleError,
    Snapshot,
    decode,
    encode,
    sign,
    verify,
)
from security.keys.signing import Ed25519Signer

SIGNER = Ed25519Signer(bytes(range(32)))
OTHER = Ed25519Signer(bytes(32))
GOLDEN = (
    "980101ac737562736372697074696f6ea774726166666963c4227b22636c656172616e6365223a322c22646973747269"
    "637473223a5b223939225d7d92aa70726f73656375746f72a8736563757269747907c4401e4c3824ac04513e65d57a59"
    "7991a1716d0d09bc7de0727242b9f6721b8cb9e45b75b3aca98857722a1583528ce8ace047096e51d53420ecc70b2d83"
    "3ae58905"
)


def record(epoch: int = 1, **changed: Any) -> ControlRecord:
    """A signed subscription record."""
    parts: dict[str, Any] = {
        "kind": "subscription",
        "key": "traffic",
        "body": {"districts": ["99"], "clearance": 2},
        "approvers": ("prosecutor", "security"),
        "audit_seq": 7,
    }
    return sign(SIGNER, epoch=epoch, **(parts | changed))


def resigned(made: ControlRecord, **changed: Any) -> ControlRecord:
    """The record with other fields under a signature of the right key: what only the key's thief could do."""
    altered = msgspec.structs.replace(made, **changed)
    signed = b"casebus-control-v1\0" + msgspec.msgpack.encode(msgspec.structs.astuple(altered)[:-1])
    return msgspec.structs.replace(altered, signature=SIGNER.sign(signed))


def test_the_record_never_changes() -> None:
    """With a fixed key a record is these bytes: a msgpack array, the body as canonical JSON, the signature."""
    assert encode(record()).hex() == GOLDEN


def test_a_record_reads_back() -> None:
    """What was encoded is verified and reads as it was."""
    made = decode(encode(record()))

    verify(made, SIGNER.public_key)

    assert made == record()
    assert made.value == {"clearance": 2, "districts": ["99"]}
    assert made.approvers == ("prosecutor", "security")


def test_equal_bodies_have_equal_bytes() -> None:
    """The order in which a body was written does not matter."""
    assert encode(record(body={"a": 1, "b": 2})) == encode(record(body={"b": 2, "a": 1}))


def test_every_flipped_byte_is_refused() -> None:
    """Flipping any byte of a record is refused with a code."""
    raw = encode(record())

    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 1
        with pytest.raises(CasebusError) as caught:
            verify(decode(bytes(altered)), SIGNER.public_key)
        assert caught.value.code in {"control.format", "control.signature"}


def test_another_key_is_refused() -> None:
    """A record that another key signed is not accepted."""
    with pytest.raises(ControlSignatureError):
        verify(record(), OTHER.public_key)


@pytest.mark.parametrize("raw", [b"", b"\x90", b"\xc0", encode(record()) + b"\x00"])
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    """Bytes of another shape are refused."""
    with pytest.raises(ControlFormatError):
        decode(raw)


def test_a_body_that_is_no_json_is_refused() -> None:
    """A body must be a JSON object."""
    with pytest.raises(ControlFormatError):
        decode(encode(resigned(record(), body=b"[1]")))


@pytest.mark.parametrize("changed", [{"kind": "wish"}, {"version": 2}])
def test_an_unknown_kind_or_version_is_refused(changed: dict[str, Any]) -> None:
    """Also under a good signature, what this code does not know stops it."""
    with pytest.raises(ControlKindError):
        verify(resigned(record(), **changed), SIGNER.public_key)


def test_an_unknown_kind_cannot_be_signed_or_asked_for() -> None:
    """Kinds are a closed list."""
    with pytest.raises(ControlKindError):
        record(kind="wish")
    with pytest.raises(ControlKindError):
        Snapshot().of("wish")
    assert KINDS == ("source", "subscription", "model", "policy", "breaker", "key", "site")


@pytest.mark.parametrize("approvers", [(), ("a", "a")])
def test_somebody_answers_for_a_record(approvers: tuple[str, ...]) -> None:
    """A record without an approver, or with one person twice, is refused."""
    with pytest.raises(ControlApproversError):
        record(approvers=approvers)


def test_a_snapshot_follows_the_epochs() -> None:
    """Records in order make the state; a later one of a key replaces it, a removal takes it away."""
    records = [
        record(1),
        record(2, key="filing", body={"clearance": 3}),
        record(3, body={"clearance": 1}),
        record(4, key="filing", body=None),
    ]

    snapshot = Snapshot().apply_all(records, SIGNER.public_key)

    assert snapshot.epoch == 4
    assert snapshot.of("subscription") == {"traffic": {"clearance": 1}}
    assert snapshot.of("model") == {}
    assert records[3].removed


def test_a_hole_stops_it() -> None:
    """A missing epoch is refused: it may have been a revocation."""
    with pytest.raises(ControlGapError):
        Snapshot().apply(record(2), SIGNER.public_key)


def test_it_never_goes_below_the_highest_epoch() -> None:
    """Another record at or below the epoch is refused; the one last applied changes nothing."""
    snapshot = Snapshot().apply_all([record(1), record(2)], SIGNER.public_key)

    assert snapshot.apply(record(2), SIGNER.public_key) is snapshot
    for stale in (record(1), record(2, body={"clearance": 4})):
        with pytest.raises(ControlStaleError):
            snapshot.apply(stale, SIGNER.public_key)


def test_a_refused_record_leaves_the_snapshot_as_it_was() -> None:
    """The snapshot swaps whole: none of several records counts if one is refused."""
    before = Snapshot().apply(record(1), SIGNER.public_key)
    forged = msgspec.structs.replace(record(3), audit_seq=8)

    with pytest.raises(ControlSignatureError):
        before.apply_all([record(2, key="filing"), forged], SIGNER.public_key)

    assert before.epoch == 1
    assert set(before.of("subscription")) == {"traffic"}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers()), max_size=12))
def test_the_state_is_the_last_word_of_each_key(steps: list[tuple[str, int | None]]) -> None:
    """However records are grouped, the state is the last record of each key."""
    records = [
        record(epoch, key=key, body=None if value is None else {"n": value})
        for epoch, (key, value) in enumerate(steps, 1)
    ]
    expected = {key: {"n": value} for key, value in dict(steps).items() if value is not None}

    at_once = Snapshot().apply_all(records, SIGNER.public_key)
    one_by_one = Snapshot()
    for each in records:
        one_by_one = one_by_one.apply(each, SIGNER.public_key)

    assert at_once.of("subscription") == one_by_one.of("subscription") == expected
    assert at_once.epoch == one_by_one.epoch == len(steps)
