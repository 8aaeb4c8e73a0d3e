"""What the read model answers with: plain values, times in microseconds UTC, sealed parts still sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts: empty parts do not restrict.

    Attributes:
        districts: six-digit codes, any of them.
        unit: twelve digits.
        model: id of a model, or a code that several models share, such as `M13`.
        severity: blue, yellow, orange or red.
        state: an alert state.
    """

    districts: tuple[str, ...] = ()
    unit: str = ""
    model: str = ""
    severity: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many alerts share these shell values."""

    district: str
    unit: str
    model: str
    code: str
    severity: str
    state: str
    number: int


@dataclass(frozen=True, slots=True)
class AlertRow:
    """The newest record of an alert and where its clue stands; a clue nobody touched is new, version 0."""

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
    first_seen_at: int
    recorded_at: int
    revision: int
    detail: bytes
    clue_state: str
    clue_version: int
    assignee: str | None
    accepted_by: str | None
    clue_reason: str | None


@dataclass(frozen=True, slots=True)
class StateRow:
    """One state an alert was in: since when in the world, and when the bus said so."""

    state: str
    severity: str
    valid_at: int
    recorded_at: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaseEventRow:
    """One event of a case; `superseded_by` names the event that corrected it, as far as was known.

    `withdraws`: it only takes the event that it supersedes back.
    """

    event_id: str
    type: str
    contract_id: int
    source: str
    district: str
    unit: str
    subject: str
    occurred_at: int
    recorded_at: int
    level: int
    supersedes: str | None
    superseded_by: str | None
    detail: bytes
    withdraws: bool = False


@dataclass(frozen=True, slots=True)
class ClueStepRow:
    """One step of a clue."""

    version: int
    act: str
    state: str
    actor: str
    role: str
    organisation: str
    assignee: str | None
    reason: str | None
    note: bytes | None
    recorded_at: int
    leaf: int


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One audited act on an alert."""

    act: str
    outcome: str
    actor: str
    role: str
    organisation: str
    recorded_at: int
    leaf: int


@dataclass(frozen=True, slots=True)
class MarksRow:
    """The newest marks: the gateway's clock, each source's mark, and the sources that are silent."""

    clock: int
    sources: Mapping[str, int]
    silent: tuple[str, ...]
