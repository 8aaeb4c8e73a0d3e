"""The masks of a subscription: how often each field is given, as it was approved, and as contracts and policy say now.

The approved ones stand in the control record. A new version of a contract, or another policy, may give more by itself:
such a field is left out, until two people approve the subscription anew.

    mask: {event type: [version, {field: 1 case by case, 2 always}]}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from schemas.catalogue import Contracts
from schemas.evolution import Refusal, refuse_widening
from schemas.evolution import widened as wider
from security.policy.compile import compile_table
from security.policy.mask import static_mask
from security.policy.table import DecisionTable
from security.subjects import Principal, from_body

MASK: Final = "mask"
VIEW: Final = "view"
Masks = Mapping[str, Any]


def masks_of(table: DecisionTable, contracts: Contracts) -> dict[str, Any]:
    """Return the masks that a principal's table gives, of all versions of a type together."""
    found: dict[str, Any] = {}
    for contract in contracts.all():
        if contract.type not in table.principal.event_types:
            continue
        fields = found[contract.type][1] if contract.type in found else {}
        mask = static_mask(table, contract)
        for given, names in zip(mask.given, mask.fields, strict=True):
            for name in names:
                fields[name] = max(int(given), fields.get(name, 0))
        found[contract.type] = [contract.version, fields]
    return found


def masked(body: Mapping[str, Any], contracts: Contracts, held: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a subscription's body with its masks of now; those that deliver no view have none.

    With `held`, the body in force, no field is given more often than there: nobody was asked. Nothing is reckoned where
    the rest is as it was.
    """
    if body["delivers"] != VIEW:
        return dict(body)
    before = None if held is None else held.get(MASK)
    if held is not None and before is not None and {**body, MASK: before} == dict(held):
        return dict(held)
    masks = _now(body, contracts)
    return {**body, MASK: masks if before is None else _within(masks, before)}


def _within(masks: Masks, before: Masks) -> dict[str, Any]:
    """Return the masks without what they give more often than before, in types that were there before."""
    found: dict[str, Any] = {}
    for kind, (version, fields) in masks.items():
        held = before[kind][1] if kind in before else fields
        found[kind] = [version, {name: min(given, held.get(name, 0)) for name, given in fields.items()}]
    return found


def flat(masks: Masks | None) -> dict[str, int]:
    """Return `type.field` → how often."""
    return {f"{kind}.{name}": given for kind, (_, fields) in (masks or {}).items() for name, given in fields.items()}


def waiting(body: Mapping[str, Any], contracts: Contracts) -> tuple[Refusal, ...]:
    """Return a refusal for each field that contracts and policy would give now, and nobody approved."""
    if MASK not in body:
        return ()  # written by a version before masks were kept: it is approved as it stands
    found: list[Refusal] = []
    for kind, (version, fields) in _now(body, contracts).items():
        approved, held = body[MASK].get(kind, [version, {}])
        receiver = str(body["principal"]["id"])
        found += refuse_widening(f"{kind}/{version}", f"{kind}/{approved}", receiver, held, fields)
    return tuple(found)


def _now(body: Mapping[str, Any], contracts: Contracts) -> dict[str, Any]:
    principal = from_body(body["principal"])
    wanted = [contract for contract in contracts.all() if contract.type in principal.event_types]
    return masks_of(compile_table(principal, wanted), contracts)


def narrowed(principal: Principal, body: Mapping[str, Any], table: DecisionTable, contracts: Contracts) -> Principal:
    """Return the principal without the fields that would be given more often than was approved."""
    if MASK not in body or not (more := wider(flat(body[MASK]), flat(masks_of(table, contracts)))):
        return principal
    fields = {}
    for kind in principal.event_types:
        names = {name for c in contracts.versions(kind) for name in c.by_name if principal.wants(kind, name)}
        fields[kind] = frozenset(name for name in names if f"{kind}.{name}" not in more)
    return dataclasses.replace(principal, fields=fields)
