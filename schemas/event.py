"""The event: what an agency says happened, in CloudEvents 1.0 terms.

`Event` is the value that walks through the bus. Its attributes are level 1 or 2; everything else stands in `data`,
labelled by the contract. Ids are UUIDs as 16 bytes: v7 from live publishers, v8 derived from (source, sequence) for
imported and simulated events.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One case event.

    Attributes:
        id: UUID, 16 bytes.
        type: dotted event type, such as `police.case.filed`.
        source: the registered organisation system that says it, such as `police-990101/cases`.
        sequence: the source's own sequence, compared as text (CloudEvents `sequence`); numbers are padded to 20 digits.
        subject: the primary case reference (level 2), as published.
        occurred_at: when it happened, microseconds.
        district: six-digit district code.
        data: the fields of the contract.
        flags: compartments of this event (`minor`, `sealed`, …); they travel only inside sealed parts.
        supersedes: the event this one corrects or withdraws, as `schemas.correction` refers to it.
        recorded_at: when the gateway took it, microseconds; 0 before it did.
    """

    id: bytes
    type: str
    source: str
    sequence: str
    subject: str
    occurred_at: int
    district: str
    data: Mapping[str, Any] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    supersedes: bytes | None = None
    recorded_at: int = 0


def sequence_of(*parts: int | str) -> str:
    """Render a sequence key so that text order is its order: integers padded to 20 digits, parts joined by `/`."""
    return "/".join(f"{part:020d}" if isinstance(part, int) else part for part in parts)


def derived_id(source: str, sequence: str) -> bytes:
    """Derive the UUIDv8 (RFC 9562 §5.8) of an imported or simulated event from its source and sequence."""
    digest = hashlib.sha256(f"casebus-event-v1\0{source}\0{sequence}".encode()).digest()
    return uuid.UUID(bytes=version8(digest[:16])).bytes


def version8(raw: bytes) -> bytes:
    """Return 16 bytes as a UUIDv8 (RFC 9562 §5.8): what they hold but for version and variant."""
    value = bytearray(raw)
    value[6] = (value[6] & 0x0F) | 0x80
    value[8] = (value[8] & 0x3F) | 0x80
    return bytes(value)
