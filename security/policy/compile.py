"""Compile the policy for one principal: ask Cedar under every combination of the five guards, once per shape."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from schemas.catalogue import Contracts
from schemas.contract import Contract
from security.labels import FLAGS
from security.policy.authored import Policy
from security.policy.table import DecisionTable
from security.subjects import Principal

_EXPECTED: Final = (frozenset[str](), *(frozenset({flag}) for flag in FLAGS))


@cache
def bundled_policy() -> Policy:
    """Return the policy that casebus ships, parsed once."""
    return Policy.load()


def compile_table(
    principal: Principal, contracts: Contracts | Iterable[Contract], policy: Policy | None = None
) -> DecisionTable:
    """Compile the table of `principal` over `contracts`.

    Rows without a flag and with each single flag are compiled here, so that a policy that cannot be evaluated is
    refused (`PolicyError`) before it decides anything. Combinations of flags follow when they are first met.
    """
    known = contracts.all() if isinstance(contracts, Contracts) else tuple(contracts)
    table = DecisionTable(principal, known, policy or bundled_policy())
    for contract in known:
        for flags in _EXPECTED:
            table.compile_row(contract, flags)
    return table
