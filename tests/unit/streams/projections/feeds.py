"""Records for the projections' tests: made with plain arguments, stored under given offsets."""

from __future__ import annotations

from streams import alerts, panorama
from streams.alerts import AlertRecord
from streams.bus.port import Stored
from streams.panorama import EventRow


def stored(*values: bytes, first: int = 0) -> list[Stored]:
    """Give values dense offsets from `first` on."""
    return [Stored(first + i, b"", value, ()) for i, value in enumerate(values)]


def alert(
    number: int = 1,
    state: str = "approaching",
    severity: str = "yellow",
    *,
    district: str = "990103",
    code: str = "M01",
    mark: int = 100,
    closed_at: int | None = None,
    reported_at: int | None = None,
) -> bytes:
    """Encode one state of an alert."""
    return alerts.encode(
        AlertRecord(
            v=1,
            id=f"{number:032x}",
            model="filing-review-overdue",
            code=code,
            version="1.0",
            digest="d" * 64,
            state=state,
            severity=severity,
            district=district,
            unit=district + "010000",
            opened_at=10,
            due_at=50,
            closed_at=closed_at,
            reported_at=reported_at,
            epoch=1,
            mark=mark,
            detail=b"sealed",
        )
    )


def case_event(
    number: int,
    *,
    subject: str = "J1",
    occurred_at: int = 5,
    recorded_at: int = 6,
    supersedes: int = 0,
    source: str = "police-990103/cases",
) -> bytes:
    """Encode one row of the panorama."""
    return panorama.encode(
        EventRow(
            event_id=number.to_bytes(16),
            type="police.report.accepted",
            contract_id=1,
            source=source,
            district="990103",
            unit="990103010000",
            subject=subject,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            level=3,
            supersedes=supersedes.to_bytes(16) if supersedes else None,
            detail=b"sealed",
        )
    )
