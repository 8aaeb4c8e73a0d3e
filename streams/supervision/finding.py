"""What a model finds, the states a finding goes through, and its identity.

States:
    approaching            the deadline nears
    held                   the deadline passed by the clock, a source that could close the case has not caught up
    raised                 overdue: every source that could close it is complete beyond the deadline; or: matched
    unconfirmed            overdue by the clock, the source stayed silent for longer than the model waits
    overdue_done           closed after the limit
    cleared                closed in time, or no longer so
    closed_by_late_report  raised before; then a closing event dated within the limit was reported late

Final alerts are raised, unconfirmed and overdue_done. The others are the way there, or history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Literal

from schemas.texts import text

State = Literal["approaching", "held", "raised", "unconfirmed", "overdue_done", "cleared", "closed_by_late_report"]
Severity = Literal["blue", "yellow", "orange", "red"]

APPROACHING: State = "approaching"
HELD: State = "held"
RAISED: State = "raised"
UNCONFIRMED: State = "unconfirmed"
OVERDUE_DONE: State = "overdue_done"
CLEARED: State = "cleared"
CLOSED_BY_LATE_REPORT: State = "closed_by_late_report"

FINAL: frozenset[State] = frozenset({RAISED, UNCONFIRMED, OVERDUE_DONE})
OVER: frozenset[State] = frozenset({CLEARED, CLOSED_BY_LATE_REPORT})

SEVERITIES: tuple[Severity, ...] = ("blue", "yellow", "orange", "red")
"""From a clue to review up to a breach of a statute."""


STEPS = 4096
"""Rendered steps that are kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the arithmetic, for people: a code, both languages, and the values it was filled with."""

    code: str
    zh: str
    en: str
    fields: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=STEPS)
def step(key: str, /, **fields: str) -> Step:
    """Make a step from a text of the catalogue, `model.step.…`; its code is the last part of the key.

    Steps are values, and the same days, types and articles come again and again.
    """
    return Step(key.rpartition(".")[2], text(key, "zh", **fields), text(key, "en", **fields), fields)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one model found about one clock, or one match.

    Attributes:
        id: 32 hex digits: model × major version × triggering events.
        subject: the case reference of the triggering event; `key`: what the model folds by.
        unit: twelve digits or empty.
        opened_at: when the clock started, microseconds as all times here.
        due_at: the first instant that is too late (24:00 of the last day); None for a match.
        closed_at: when the closing event happened; `reported_at`: when the gateway took it.
        evidence: ids of the events it rests on, in their order.
        steps: the arithmetic.
        basis: the articles the limit rests on: id, article, title in both languages, kind.
        explain: the explanation in both languages.
        provisional: the calendar of that year is not published yet.
        reason: `corrected` or `withdrawn` where the source's correction is what made it so, else empty.
    """

    id: str
    state: State
    severity: Severity
    subject: str
    key: str
    district: str
    unit: str
    opened_at: int
    due_at: int | None = None
    closed_at: int | None = None
    reported_at: int | None = None
    evidence: tuple[bytes, ...] = ()
    steps: tuple[Step, ...] = ()
    basis: tuple[Mapping[str, str], ...] = ()
    explain: Mapping[str, str] = field(default_factory=dict)
    provisional: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one key: findings by opening time, and the clock time at which it must be looked at again."""

    findings: tuple[Finding, ...]
    wake_at: int | None


def alert_id(model: str, major: int, triggers: Iterable[bytes]) -> str:
    """Return the identity of an alert: the first 32 hex digits of SHA-256 over model, major version and trigger ids."""
    hashed = _alert_prefix(model, major).copy()
    hashed.update(b"".join(sorted(triggers)))
    return hashed.hexdigest()[:32]


@cache
def _alert_prefix(model: str, major: int) -> hashlib._Hash:
    return hashlib.sha256(f"casebus-alert-v1\0{model}\0{major}\0".encode())


def transition(previous: State | None, state: State | None) -> State | None:
    """Return the state to publish after `previous`, or None where nothing changed.

    `state` is what the fold says now; None means that the fold no longer knows this finding: its trigger was corrected,
    or an extension that was reported late moved its deadline away.
    """
    if state is None or state == CLEARED:
        if previous is None or previous in OVER:
            return None
        return CLOSED_BY_LATE_REPORT if state == CLEARED and previous in FINAL else CLEARED
    return None if state == previous else state
