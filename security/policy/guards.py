"""The five guards: what of a decision depends on the moment and the case. Dates and prefixes never reach Cedar."""

from __future__ import annotations

from typing import Final

from security.subjects import Principal

EXPIRED: Final = 1
IN_SCOPE: Final = 2
CASE_BOUND: Final = 4
GRANT: Final = 8
HOLD: Final = 16
GUARDS: Final = {"expired": EXPIRED, "in_scope": IN_SCOPE, "case_bound": CASE_BOUND, "grant": GRANT, "hold": HOLD}
"""Guard name → bit; the names are those of the policy's context."""
COMBINATIONS: Final = 1 << len(GUARDS)


def guards_of(
    principal: Principal,
    *,
    district: str,
    now_us: int,
    unit: str | None = None,
    case_bound: bool = False,
    grant: bool = False,
    hold: bool = False,
) -> int:
    """Compute the guards of one event for one principal.

    `case_bound`: the event's case or clue is assigned to the principal; `grant`: a grant that two people approved names
    both; `hold`: a breaker or legal hold stops content. What is not said is not so.
    """
    bits = IN_SCOPE if principal.in_scope(district, unit) else 0
    if principal.expires_at is not None and now_us >= principal.expires_at:
        bits |= EXPIRED
    return bits | CASE_BOUND * case_bound | GRANT * grant | HOLD * hold


def names(guards: int) -> dict[str, bool]:
    """Spell the guards out: the policy's context."""
    return {name: bool(guards & bit) for name, bit in GUARDS.items()}
