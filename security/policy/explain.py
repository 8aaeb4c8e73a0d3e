"""Explain a decision: which rule decided on each class, and what the person is told."""

from __future__ import annotations

from typing import Any

from schemas.contract import Contract
from security.labels import effective
from security.policy import guards as guard_names
from security.policy.reasons import reason_text
from security.policy.table import DecisionTable


def explain(table: DecisionTable, contract: Contract, event_flags: frozenset[str], guards: int) -> dict[str, Any]:
    """Return, as JSON values, the decision with its rules; holds names and codes, never a value of an event."""
    decision = table.masks(contract, event_flags, guards)
    *classes, event = table.answers(contract, event_flags)
    return {
        "decision": "release" if decision.released else "deny",
        "visible": decision.visible,
        "fields": list(decision.fields),
        "withheld": [{"field": name, "reason": reason} for name, reason in decision.withheld],
        "reasons": [{"code": c, "zh": reason_text(c, "zh"), "en": reason_text(c, "en")} for c in decision.reasons],
        "guards": guard_names.names(guards),
        "event": {"decided_by": sorted(event.rules[guards]), "reason": event.reasons[guards]},
        "classes": [
            {
                "index": label_class.index,
                "level": effective(label_class, event_flags).level,
                "flags": sorted(effective(label_class, event_flags).flags),
                "about": label_class.about,
                "fields": [field.name for field in label_class.fields],
                "allowed": bool(answer.mask >> guards & 1),
                "decided_by": sorted(answer.rules[guards]),
                "reason": answer.reasons[guards],
            }
            for label_class, answer in zip(contract.classes, classes, strict=True)
        ],
        "policy": table.digest,
    }
