"""Why an alert is what it is where a source corrected what it had said. Plain functions of the facts of a key.

The reason depends on the facts alone, not on the order they came in: two workers that saw them in different orders say
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from schemas.correction import withdraws
from streams.supervision.fact import Fact
from streams.supervision.finding import Finding, alert_id

Correction = tuple[Fact, Fact]
"""(corrected, correcting)"""
Reason = Literal["corrected", "withdrawn", ""]


def reason_of(finding: Finding, gone: Sequence[Correction], types: Iterable[str]) -> Reason:
    """Say whether a correction bears on a finding: an event it rests on, or one withdrawn within its time."""
    evidence, known = frozenset(finding.evidence), frozenset(types)
    if any(fact.id in evidence for _, fact in gone):
        return "corrected"
    within = (
        old.occurred_at >= finding.opened_at and (finding.closed_at is None or old.occurred_at <= finding.closed_at)
        for old, fact in gone
        if withdraws(fact.supersedes) and old.type in known
    )
    return "withdrawn" if any(within) else ""


def cause_of(
    alert: str, model: str, major: int, gone: Sequence[Correction]
) -> tuple[Literal["corrected", "withdrawn"], tuple[bytes, ...]]:
    """Say what took the trigger of an alert away, and name the trigger and what corrected it."""
    for old, fact in gone:
        if alert_id(model, major, (old.id,)) == alert:
            return "withdrawn" if withdraws(fact.supersedes) else "corrected", (old.id, fact.id)
    return "corrected", ()
