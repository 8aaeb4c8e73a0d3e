"""What a supervision model publishes: an alert on `casebus.alerts`.

An alert is a level 2 shell and a sealed detail. The shell says which model, where, by when and how severe; everything
that was computed from fields above level 2 stands in the detail (the join of its sources' labels). Each change of
state is a new record, the newest per id is the alert's state. The body is a function of events and control epochs only.

Wire format: msgpack array of the fields of `AlertRecord` in their order; the order only ever grows at its end.
"""

from __future__ import annotations

from typing import Any

import msgspec

TOPIC = "casebus.alerts"
VERSION = 1


class AlertRecord(msgspec.Struct, array_like=True, frozen=True):
    """One state of one alert.

    Attributes:
        v: version of this format.
        id: 32 hex digits, from model, major version and the ids of the triggering events.
        model: id of the model; `code` is its number (M01 …), `version` and `digest` name its file exactly.
        state: approaching, held, raised, unconfirmed, overdue_done, cleared or closed_by_late_report.
        severity: blue, yellow, orange or red.
        district: six digits; `unit`: twelve digits, or empty.
        opened_at: when the event that opened the clock occurred, microseconds.
        due_at: end of the limit; None for models without one.
        closed_at: when the closing event occurred; `reported_at`: when it was taken at the gateway.
        epoch: control epoch of the decision.
        mark: the clock mark at which this state was reached (a processing time: outside comparisons).
        detail: sealed JSON of `Detail`.
        reason: `corrected` or `withdrawn` where the source's correction is what made it so, else empty.
    """

    v: int
    id: str
    model: str
    code: str
    version: str
    digest: str
    state: str
    severity: str
    district: str
    unit: str
    opened_at: int
    due_at: int | None
    closed_at: int | None
    reported_at: int | None
    epoch: int
    mark: int
    detail: bytes
    reason: str = ""


class Detail(msgspec.Struct, frozen=True):
    """What stands sealed in an alert: whom and what it is about, and how it was reckoned."""

    subject: str
    key: str
    evidence: tuple[str, ...]
    steps: tuple[dict[str, Any], ...]
    basis: tuple[dict[str, Any], ...]
    explain: dict[str, str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AlertRecord).decode
_encode_detail = msgspec.json.Encoder(order="deterministic").encode
_decode_detail = msgspec.json.Decoder(Detail).decode


def encode(alert: AlertRecord) -> bytes:
    """Encode for the bus."""
    return _encode(alert)


def decode(value: bytes) -> AlertRecord:
    """Decode from the bus."""
    return _decode(value)


def alert_ad(alert_id: str) -> bytes:
    """Return the associated data that binds a sealed detail to its alert."""
    return b"casebus-alert-v1\0" + alert_id.encode()


def encode_detail(detail: Detail) -> bytes:
    """Encode the detail, to be sealed."""
    return _encode_detail(detail)


def decode_detail(clear: bytes) -> Detail:
    """Decode an opened detail."""
    return _decode_detail(clear)
