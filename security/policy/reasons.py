"""Why a field is withheld: stable codes, and their texts in Chinese and English."""

from __future__ import annotations

from typing import Final

from schemas.texts import Language, text

PRIORITY: Final = (
    "policy_error",
    "expired",
    "hold",
    "no_payload",
    "purpose",
    "not_in_scope",
    "compartment",
    "clearance",
    "grant_needed",
    "case_not_bound",
    "denied",
)
"""Every reason code; where several apply, the first is told: what the person cannot mend comes before what they can.

`policy_error`: the policy could not be evaluated; `denied`: no rule permitted.
"""


def reason_text(code: str, language: Language = "en") -> str:
    """Say the reason in `language`."""
    return text(f"policy.reason.{code}", language)


def first(codes: frozenset[str]) -> str:
    """Return the code that is told where several apply; "denied" where none has a name."""
    return min(codes, key=PRIORITY.index, default="denied")
