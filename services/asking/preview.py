"""What a wish would get: each field by how often it is given, and why not always."""

from __future__ import annotations

from typing import Any, Final

from schemas.catalogue import Contracts
from schemas.contract import Contract
from security.labels import FLAGS
from security.policy.compile import compile_table
from security.policy.guards import IN_SCOPE
from security.policy.mask import Given, static_mask
from security.policy.reasons import reason_text
from security.policy.table import DecisionTable
from security.subjects import Principal

NAMES: Final = {Given.ALWAYS: "always", Given.SOMETIMES: "case_by_case", Given.NEVER: "never"}
COMPARTMENT: Final = "compartment"


def preview(principal: Principal, contracts: Contracts) -> list[dict[str, Any]]:
    """Return one entry per event type: its sharing, and its wanted fields with what is decided about each."""
    wanted = [contracts.by_type(kind) for kind in sorted(principal.event_types)]
    table = compile_table(principal, wanted)
    return [_type(table, contract) for contract in wanted]


def _type(table: DecisionTable, contract: Contract) -> dict[str, Any]:
    mask = static_mask(table, contract)
    plain = dict(table.masks(contract, frozenset(), IN_SCOPE).withheld)
    rows = []
    for label_class, given in zip(contract.classes, mask.given, strict=True):
        for each in label_class.fields:
            if table.principal.wants(contract.type, each.name):
                # What is given of an ordinary event is kept back for an event's flag.
                reason = "" if given is Given.ALWAYS else plain.get(each.name) or _flagged(table, contract, each.name)
                rows.append(
                    {
                        "field": each.name,
                        "zh": each.zh,
                        "en": each.en,
                        "level": each.level,
                        "given": NAMES[given],
                        "reason": reason,
                        "why": {"zh": reason_text(reason, "zh"), "en": reason_text(reason)} if reason else {},
                    }
                )
    return {
        "type": contract.type,
        "zh": contract.zh,
        "en": contract.en,
        "share": contract.share,
        "agreement": contract.agreement_no,
        "fields": rows,
    }


def _flagged(table: DecisionTable, contract: Contract, name: str) -> str:
    decision = table.masks(contract, frozenset(FLAGS), IN_SCOPE)
    return dict(decision.withheld).get(name) or next(iter(decision.reasons), COMPARTMENT)
