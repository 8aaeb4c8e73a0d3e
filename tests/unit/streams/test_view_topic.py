"""The headers of a view: CloudEvents' Kafka binding, binary mode."""

from __future__ import annotations

import uuid

from security.batch import Header
from streams.view_topic import cloudevent_headers

EVENT, ORIGINAL = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057"), uuid.UUID("01890a5d-ac96-874b-bcce-b302099a8057")


def header(supersedes: bytes | None = None) -> Header:
    """Make the header of an event."""
    return Header(
        id=EVENT.bytes,
        type="police.case.filed",
        schema_id=3,
        source="police-990103/cases",
        sequence="00000000000000000042",
        subject="J990103010000202503000001",
        occurred_at=1_741_138_200_000_001,
        recorded_at=1_741_138_201_000_000,
        district="990103",
        level=3,
        supersedes=supersedes,
        lengths=(),
        open=b"",
    )


def test_the_attributes_are_those_of_the_event() -> None:
    """Every attribute once, in order; without leave the subject stands nowhere."""
    assert cloudevent_headers(header(), with_subject=False) == (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(EVENT).encode()),
        ("ce_type", b"police.case.filed"),
        ("ce_source", b"police-990103/cases"),
        ("ce_time", b"2025-03-05T01:30:00.000001Z"),
        ("ce_district", b"990103"),
        ("ce_level", b"3"),
        ("ce_recordedat", b"2025-03-05T01:30:01Z"),
        ("ce_sequence", b"00000000000000000042"),
        ("content-type", b"application/vnd.confluent.avro"),
    )


def test_subject_and_correction_follow_where_they_may() -> None:
    """The subject where the receiver was given it, and the id of the event that this one corrects."""
    said = cloudevent_headers(header(ORIGINAL.bytes), with_subject=True)

    assert said[10:] == (("ce_subject", b"J990103010000202503000001"), ("ce_supersedes", str(ORIGINAL).encode()))
