"""The static mask: what a principal gets of a contract always, case by case, or never; view schemas follow from it."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from schemas.contract import Contract
from security.labels import FLAGS
from security.policy.guards import CASE_BOUND, GRANT, IN_SCOPE
from security.policy.table import DecisionTable

_PLAIN: Final = frozenset[str]()
_WORST: Final = (_PLAIN, *(frozenset({flag}) for flag in FLAGS), frozenset(FLAGS))


class Given(IntEnum):
    """How often a class is given."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2


class StaticMask(NamedTuple):
    """Per class of a contract how often it is given, and the names of the fields the purpose needs of it."""

    given: tuple[Given, ...]
    fields: tuple[tuple[str, ...], ...]


def static_mask(table: DecisionTable, contract: Contract) -> StaticMask:
    """Derive the mask of `contract` from a principal's table.

    A class is always given if no flag of an event and no missing assignment can withhold it from what is delivered, and
    never given if even an assignment with a grant does not open it. Everything between is decided event by event.
    """
    wanted = tuple(
        tuple(f.name for f in each.fields if table.principal.wants(contract.type, f.name)) for each in contract.classes
    )
    given = tuple(
        _given(table, contract, each.index) if names else Given.NEVER
        for each, names in zip(contract.classes, wanted, strict=True)
    )
    return StaticMask(given, tuple(n if g else () for n, g in zip(wanted, given, strict=True)))


def _given(table: DecisionTable, contract: Contract, index: int) -> Given:
    if all(table.allows(contract, flags, index, IN_SCOPE) for flags in _WORST):
        return Given.ALWAYS
    helped = (IN_SCOPE, IN_SCOPE | CASE_BOUND, IN_SCOPE | GRANT, IN_SCOPE | CASE_BOUND | GRANT)
    if any(table.allows(contract, _PLAIN, index, guards) for guards in helped):
        return Given.SOMETIMES
    return Given.NEVER
