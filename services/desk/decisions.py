"""What this person may see, by the one decision function; the desk adds only the guards that its clue state gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from schemas.contract import Contract
from security.policy.guards import CASE_BOUND, IN_SCOPE, guards_of
from security.policy.table import Decision
from security.subjects import Principal
from services.desk.alert_contract import ALERT, DETAIL_CLASS, SHELL_CLASS
from services.desk.people import Person, case_bound
from streams.clues import Clue
from streams.projections.values import AlertRow


class Table(Protocol):
    """A principal's compiled decisions (`security.policy.table.DecisionTable`)."""

    def masks(self, contract: Contract, event_flags: frozenset[str], guards: int) -> Decision:
        """Decide one record."""
        ...


TableOf = Callable[[Principal], Table]
"""Gives a principal's table; compiled once per principal and kept by the caller."""


def guards_between(person: Person, row: AlertRow, clue: Clue, now_us: int) -> int:
    """Return the guards that hold between a person and an alert's case.

    The events of the case stand in the same guards: other agencies' events belong to the case, wherever they happened.
    """
    guards = guards_of(person.principal, district=row.district, unit=row.unit, now_us=now_us)
    if guards & IN_SCOPE and case_bound(person, row, clue):
        guards |= CASE_BOUND
    return guards


def decide(table: Table, contract: Contract, flags: frozenset[str], guards: int) -> Decision:
    """Decide one record for one person; every page and every act goes through here."""
    return table.masks(contract, flags, guards)


def sees(table: Table, person: Person) -> str:
    """Tell what board this person gets: `log` facts, `rows` of alerts, `counts` only, or nothing of it (`none`)."""
    if not person.principal.payload:
        return "log"
    if shell_visible(table, IN_SCOPE):
        return "rows"
    return "counts" if person.principal.aggregates else "none"


def shell_visible(table: Table, guards: int) -> bool:
    """Tell whether the shell of an alert may be shown under these guards."""
    decision = decide(table, ALERT, frozenset(), guards)
    return decision.visible and decision.classes[SHELL_CLASS]


def detail_decision(table: Table, guards: int) -> tuple[bool, dict[str, str]]:
    """Tell whether an alert's detail may be opened, and else why each of its fields is hidden."""
    decision = decide(table, ALERT, frozenset(), guards)
    if decision.visible and decision.classes[DETAIL_CLASS]:
        return True, {}
    return False, dict(decision.withheld)
