"""A fact: one event as supervision sees it, with the fields that the models asked for and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from schemas.correction import corrected, withdraws


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event as supervision sees it.

    Attributes:
        id: UUID, 16 bytes.
        type: event type.
        source: the organisation system that said it.
        sequence: the source's own sequence, compared as text.
        occurred_at: when it happened; `recorded_at`: when the gateway took it. Microseconds.
        district: six digits.
        subject: the primary case reference, as published.
        data: the fields; instants are microseconds, days are days since 1970-01-01, person keys are bytes.
        supersedes: the event this one corrects or withdraws (`schemas.correction`); that one no longer counts, and one
            that withdraws never did.
    """

    id: bytes
    type: str
    source: str
    sequence: str
    occurred_at: int
    recorded_at: int
    district: str
    subject: str
    data: dict[str, Any]
    supersedes: bytes | None = None


MINUS_INFINITY = -(1 << 63)
"""Before every instant."""

order: Callable[[Fact], Any] = attrgetter("occurred_at", "source", "sequence", "id")
"""The order in which the facts of one key fold. The id only settles what a source failed to order."""


def folded(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that count, in their order: each id once, corrected ones left out.

    A source corrects what it said itself, in an event of the same type: nobody can take back another's event.
    """
    return settled([*{fact.id: fact for fact in facts}.values()])


def settled(facts: list[Fact]) -> list[Fact]:
    """Return the facts that count, in their order, of facts that stand there once each.

    Most keys are in order and uncorrected: they are given back as they are.
    """
    before = MINUS_INFINITY
    for fact in facts:
        at = fact.occurred_at
        if at <= before or fact.supersedes is not None:
            break
        before = at
    else:
        return facts
    if all(fact.supersedes is None for fact in facts):
        return sorted(facts, key=order)
    gone = {old.id for old, _ in corrections(facts)}
    return sorted((f for f in facts if f.id not in gone and not withdraws(f.supersedes)), key=order)


def corrections(facts: Iterable[Fact]) -> list[tuple[Fact, Fact]]:
    """Return (corrected, correcting) of the facts that correct one another, in the order they fold."""
    once = {fact.id: fact for fact in facts}
    found = []
    for fact in sorted((f for f in once.values() if f.supersedes is not None), key=order):
        old = once.get(corrected(fact.supersedes)) if fact.supersedes else None
        if old is not None and (old.source, old.type) == (fact.source, fact.type):
            found.append((old, fact))
    return found
