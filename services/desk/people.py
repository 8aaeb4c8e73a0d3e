"""The person at the desk, and what stands between this person and an alert: scope and duty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from security.policy.roles import AUDITORS, REVIEWERS, role
from security.subjects import DISTRICT_LENGTH, Principal
from streams.clues import Clue, bound
from streams.projections.values import AlertRow


@dataclass(frozen=True)
class Person:
    """Somebody who signed in.

    Attributes:
        account: the account's name: the actor of audit records.
        zh: name for people, in Chinese; `en` in English.
        principal: the subject of decisions.
        publishes: the source of the organisation's own system that this person may publish through, or empty.
    """

    account: str
    zh: str
    en: str
    principal: Principal
    publishes: str = ""

    @property
    def role(self) -> str:
        """The role code, such as `P_CASE`."""
        return self.principal.role

    @property
    def organisation(self) -> str:
        """The organisation's id, such as `procuratorate-990103`."""
        return self.principal.organisation

    @property
    def units(self) -> tuple[str, ...]:
        """The units this person answers for, twelve digits each; none for whoever serves a whole district."""
        return tuple(prefix for prefix in self.principal.districts if len(prefix) > DISTRICT_LENGTH)

    @property
    def districts(self) -> tuple[str, ...]:
        """Prefixes of the districts this person sees into."""
        return tuple(prefix[:DISTRICT_LENGTH] for prefix in self.principal.districts)


def case_bound(person: Person, row: AlertRow, clue: Clue) -> bool:
    """Tell whether the case is this person's duty: the clue is his, or the alert is about a unit he answers for."""
    return row.unit in person.units or bound(clue, person.account)


def describe(person: Person, sees: str) -> dict[str, Any]:
    """Render the person for the page's header."""
    return {
        "account": person.account,
        "name": {"zh": person.zh, "en": person.en},
        "role": person.role,
        "role_name": {"zh": role(person.role).zh, "en": role(person.role).en},
        "organisation": person.organisation,
        "districts": list(person.districts),
        "units": list(person.units),
        "sees": sees,
        "purpose": person.principal.purpose,
        "audits": person.role in AUDITORS,
        "reviews": person.role in REVIEWERS,
    }
