"""The digest of what an event says: equal for the same content, different for any other."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from schemas.event import Event
from security.payload import LENGTH, payload_digest

EVENT = Event(
    id=bytes(16),
    type="police.review.extended",
    source="police-990103/cases",
    sequence="1",
    subject="J1",
    occurred_at=5,
    district="990103",
    recorded_at=7,
)


def keyed(use: str, data: bytes) -> bytes:
    """Stand in for the sealer's keyed digest."""
    return hashlib.sha256(use.encode() + b"\0" + data).digest()


def digest(
    event: Event = EVENT, flags: frozenset[str] = frozenset(), blobs: tuple[bytes | None, ...] = (b"a",)
) -> bytes:
    """Digest one event."""
    return payload_digest(keyed, "test", event, flags, blobs)


def test_recording_is_no_part_of_what_was_said() -> None:
    """The gateway's time does not change the digest; it is 16 bytes."""
    assert digest(dataclasses.replace(EVENT, recorded_at=99)) == digest()
    assert len(digest()) == LENGTH


@pytest.mark.parametrize(
    "change",
    [
        {"type": "police.case.filed"},
        {"sequence": "2"},
        {"subject": "J2"},
        {"district": "990104"},
        {"occurred_at": 6},
        {"supersedes": bytes(16)},
    ],
)
def test_every_attribute_counts(change: dict[str, object]) -> None:
    """Another attribute is another event."""
    assert digest(dataclasses.replace(EVENT, **change)) != digest()  # type: ignore[arg-type]


def test_flags_and_content_count() -> None:
    """Flags and each class's bytes are part of what was said."""
    assert digest(flags=frozenset({"minor"})) != digest()
    assert digest(blobs=(b"b",)) != digest()


def test_moving_bytes_between_parts_is_another_content() -> None:
    """Parts are length-prefixed: joined bytes alone do not make two events equal."""
    assert digest(blobs=(b"ab", b"c")) != digest(blobs=(b"a", b"bc"))
    assert digest(blobs=(b"", None)) != digest(blobs=(None, b""))
