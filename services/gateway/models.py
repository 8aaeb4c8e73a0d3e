"""The shapes of requests and answers, for the interface description. Answers are written by msgspec, not by these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class FaultModel(BaseModel):
    """One thing wrong with an event."""

    path: str = Field(examples=["$.data.served_at"])
    code: str = Field(examples=["event.missing"])
    zh: str
    en: str
    hint_zh: str
    hint_en: str


class StatementModel(BaseModel):
    """What a receipt says."""

    at: int = Field(description="the gateway's clock, microseconds since 1970 UTC")
    body: str = Field(description="SHA-256 of the bytes that were sent, hex")
    id: str = Field(description="the event's id")
    node: str = Field(description="the gateway")
    seq: int = Field(description="number of the audit record")
    source: str
    v: Literal[1]


class ReceiptModel(BaseModel):
    """A signed receipt, verifiable offline with the gateway's public key (`GET /v1/receipt-key`)."""

    statement: StatementModel
    index: int
    size: int
    path: list[str] = Field(description="RFC 6962 path to the root of the commit, hex")
    signature: str = Field(description="Ed25519, hex")
    key: str = Field(description="fingerprint of the public key")


class PublishedModel(BaseModel):
    """One event that is durable and in the audit log."""

    status: Literal["accepted", "repeated"]
    id: str
    receipt: ReceiptModel


class RejectedModel(BaseModel):
    """One event that was refused (nothing kept) or quarantined (kept sealed among the dead letters)."""

    status: Literal["refused", "quarantined"]
    id: str
    code: str
    message: str
    hint: str
    faults: list[FaultModel]
    dead_letter: int | None = None


class PublishedLine(PublishedModel):
    """The result of one line of a batch."""

    line: int


class RejectedLine(RejectedModel):
    """The result of one line of a batch."""

    line: int


class BatchModel(BaseModel):
    """A batch: how many ended how, and the result of each line."""

    accepted: int
    repeated: int
    refused: int
    quarantined: int
    results: list[PublishedLine | RejectedLine]


class ErrorModel(BaseModel):
    """A request that could not be served."""

    code: str
    message: str
    hint: str
    faults: list[FaultModel]


class MarkBody(BaseModel):
    """A declaration: either a heartbeat, or up to when the source is complete."""

    heartbeat: Literal[True] | None = None
    complete_to: str | None = Field(None, examples=["2026-03-01T00:00:00+08:00"])


class MarkModel(BaseModel):
    """The source's mark as it counts: capped by the gateway's clock, never lower than before."""

    source: str
    mark: str


class PlaceModel(BaseModel):
    """Where a dead letter is wrong, and why."""

    path: str
    code: str


class LetterModel(BaseModel):
    """One dead letter; nothing that the event says."""

    number: int
    event: str
    code: str
    message: str
    hint: str
    type: str | None = None
    level: int | None = None
    at: int | None = None
    faults: list[PlaceModel] | None = None


class LettersModel(BaseModel):
    """The dead letters of the source that asks; `next` continues after them."""

    source: str
    count: int
    letters: list[LetterModel]
    next: int


class CloseBody(BaseModel):
    """Why nothing will come of a letter."""

    reason: Literal["corrected", "duplicate", "withdrawn", "not_ours", "other"]


class CheckedLine(BaseModel):
    """What would become of one event."""

    line: int
    status: Literal["accepted", "repeated", "refused", "quarantined"]
    id: str
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    faults: list[FaultModel] | None = None


class CheckedModel(BaseModel):
    """What would become of each event; nothing was kept."""

    passes: bool
    results: list[CheckedLine]


class HealthModel(BaseModel):
    """The gateway is up; `clock` is its own time."""

    status: Literal["ok"]
    node: str
    clock: str


class KeyModel(BaseModel):
    """The public key that receipts verify with."""

    algorithm: Literal["Ed25519"]
    key: str
    public_key: str


EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0, structured JSON",
    "required": ["specversion", "id", "type", "source", "time", "district", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "UUID version 7, or 8 where derived"},
        "type": {"type": "string", "examples": ["police.case.filed"]},
        "source": {"type": "string", "examples": ["police-990101/cases"]},
        "subject": {"type": "string", "description": "primary case reference; taken from data where left out"},
        "time": {"type": "string", "format": "date-time", "description": "when it happened"},
        "district": {"type": "string", "pattern": "^[1-9]\\d{5}$"},
        "sequence": {"type": "string", "description": "the source's own; orders what happened at one time"},
        "supersedes": {"type": "string", "format": "uuid", "description": "the event of yours that this one corrects"},
        "withdrawn": {"const": True, "description": "with supersedes: nothing stands in its place"},
        "flags": {"type": "array", "items": {"type": "string"}},
        "level": {"type": "integer", "minimum": 1, "maximum": 4},
        "data": {"type": "object", "description": "the fields of the contract of `type`"},
    },
}
"""The event that a publisher sends."""
