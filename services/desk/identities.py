"""Who somebody is: a clear name is asked for, approved by two others, decided by the access policy, recorded, shown.

The access matrix gives level 4 by a named grant that two people approved (△). So: whoever has the duty to an alert's
case asks, for the registered purpose, on a legal basis, about a person who stands in an event of the case; two others
approve; within a day the one who asked opens. Every step and every refusal is durable in the audit log first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from schemas.catalogue import Contracts
from schemas.clock import HOUR, Clock
from schemas.errors import CasebusError
from security.audit.acts import Act
from security.policy.guards import GRANT, IN_SCOPE
from security.policy.roles import GRANTERS
from security.vault import Vault
from services.desk.decisions import Table, decide, detail_decision
from services.desk.errors import (
    IdentityApproverError,
    IdentityBasisError,
    IdentityClearanceError,
    IdentityDutyError,
    IdentityGrantError,
    IdentityPaceError,
    IdentityPurposeError,
)
from services.desk.grants import Grant, Grants
from services.desk.look_up import PERSON_LABEL, LookUps, Sought
from services.desk.opening import Openings
from services.desk.pace import Pace
from services.desk.people import Person
from services.desk.trail import Trail
from streams.projections.values import AlertRow

IDENTITY: Final = "identity.recorded"
CLEAR: Final = ("id_number", "name")
BASES: Final = ("CPL-54", "PIPL-34", "PROC-ORG-21")
"""Legal bases that may be named: 刑事诉讼法 §54, 个人信息保护法 §34, 人民检察院组织法 §21."""
OPENINGS_AN_HOUR: Final = 10
REQUESTS_AN_HOUR: Final = 30
GRANTED: Final[Act] = "grant"
OPENED: Final[Act] = "open"


class Case(Protocol):
    """An alert as the desk found it for a person: its row, the guards, the person's decisions."""

    @property
    def row(self) -> AlertRow:
        """The alert."""
        ...

    @property
    def guards(self) -> int:
        """What holds between person and case."""
        ...

    @property
    def table(self) -> Table:
        """The person's decisions."""
        ...


@dataclass(frozen=True)
class Wish:
    """What is asked: the purpose, the legal basis, and where in the case the person stands."""

    purpose: str
    basis: str
    event: str
    field: str


@dataclass
class Identities:
    """Grants and openings at one desk; `vault` holds the clear values, `random` gives ids of grants."""

    vault: Vault
    grants: Grants
    contracts: Contracts
    openings: Openings
    look_ups: LookUps
    trail: Trail
    clock: Clock
    random: Callable[[int], bytes]
    _openings_pace: Pace = field(init=False)
    _requests_pace: Pace = field(init=False)
    _approving: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._openings_pace = Pace(self.clock, OPENINGS_AN_HOUR, HOUR)
        self._requests_pace = Pace(self.clock, REQUESTS_AN_HOUR, HOUR)

    def page(self, person: Person, case: Case) -> dict[str, Any]:
        """Say whom the person may ask about, which grants stand, and what this person may do with each; no name."""
        now, duty = self.clock.now_us(), detail_decision(case.table, case.guards)[0]
        stands = self.look_ups.standing(case.table, self._subject(case), case.guards) if duty else []
        shown = [each for each in self.grants.of(case.row.id) if duty or self._may_approve(person, case, each)]
        return {
            "persons": stands if self._could(case) else [],
            "bases": list(BASES),
            "grants": [
                each.as_dict(now)
                | {
                    "may_approve": self._may_approve(person, case, each),
                    "may_open": each.by == person.account and each.state(now) == "approved",
                }
                for each in reversed(shown)
            ],
        }

    def ask(self, person: Person, case: Case, wish: Wish) -> dict[str, Any]:
        """Ask for a grant; returns it. Raises the coded refusals of this module, each recorded."""
        grant = Grant(self.random(8).hex(), person.account, wish.event, wish.field, wish.basis, self.clock.now_us())
        digest = self._case(case)
        with self._recorded(person, GRANTED, case, digest):
            if not self._requests_pace.admits(person.account):
                raise IdentityPaceError(most=REQUESTS_AN_HOUR)
            self._require(person, case, wish.purpose)
            if wish.basis not in BASES:
                raise IdentityBasisError
            self._key(case, wish.event, wish.field)
        said = {"step": "asked", "grant": grant.id, "basis": grant.basis, "event": grant.event, "field": grant.field}
        return self._keep(person, case, grant, digest, said)

    def approve(self, person: Person, case: Case, grant_id: str) -> dict[str, Any]:
        """Approve a grant that somebody else asked for; returns it."""
        digest = self._case(case)
        with self._approving:  # of two who press at once each sees the other's approval
            with self._recorded(person, GRANTED, case, digest):
                grant = self.grants.find(case.row.id, grant_id)
                if grant is None or not self._may_approve(person, case, grant):
                    raise IdentityApproverError
            said = {"step": "approved", "grant": grant.id, "basis": grant.basis, "asked_by": grant.by}
            approvals = (*grant.approvals, (person.account, self.clock.now_us()))
            return self._keep(person, case, msgspec.structs.replace(grant, approvals=approvals), digest, said)

    def open(self, person: Person, case: Case, grant_id: str, purpose: str) -> dict[str, Any]:
        """Return the clear values under a grant, and the number of the record that says so, durable before."""
        digest = self._case(case)
        with self._recorded(person, OPENED, case, digest):
            grant = self._granted(person, case, grant_id, purpose)
            if not self._openings_pace.admits(person.account):
                raise IdentityPaceError(most=OPENINGS_AN_HOUR)
            names = [name for name in CLEAR if name in self._fields(case)]
            key = self._key(case, grant.event, grant.field)
            kept = [msgspec.json.decode(clear) for clear in self.vault.all_of(key)]
        values = [{name: str(each[name]) for name in names if name in each} for each in kept]
        said = {
            "grant": grant.id,
            "basis": grant.basis,
            "approvers": [account for account, _ in grant.approvals],
            "person": self.openings.sealer.keyed_digest(PERSON_LABEL, key).hex(),
            "fields": [f"{IDENTITY}.{name}" for name in names],
        }
        leaf = self.trail.note(person, OPENED, case.row.id, case=digest, data=said)
        distinct = [value for place, value in enumerate(values) if value not in values[:place]]
        return {"values": distinct, "leaf": leaf, "basis": grant.basis}

    def _keep(self, person: Person, case: Case, grant: Grant, digest: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Record a step of a grant and keep it; the record is durable first."""
        with self.grants.bus.transaction() as change:
            leaf = self.trail.note(person, GRANTED, case.row.id, case=digest, data=said, within=change)
            self.grants.keep(case.row.id, grant, change)
        return grant.as_dict(self.clock.now_us()) | {"leaf": leaf}

    def _granted(self, person: Person, case: Case, grant_id: str, purpose: str) -> Grant:
        self._require(person, case, purpose)
        grant = self.grants.find(case.row.id, grant_id)
        if grant is None or grant.by != person.account or grant.state(self.clock.now_us()) != "approved":
            raise IdentityGrantError
        return grant

    def _require(self, person: Person, case: Case, purpose: str) -> None:
        if not detail_decision(case.table, case.guards)[0]:
            raise IdentityDutyError
        if purpose != person.principal.purpose:
            raise IdentityPurposeError(purpose=person.principal.purpose)
        if not self._could(case):
            raise IdentityClearanceError

    def _could(self, case: Case) -> bool:
        """Tell whether the access policy gives this person a clear name where two people have approved."""
        return any(name in self._fields(case) for name in CLEAR)

    def _fields(self, case: Case) -> tuple[str, ...]:
        contract = self.contracts.by_type(IDENTITY)
        return tuple(decide(case.table, contract, frozenset(), case.guards | GRANT).fields)

    def _may_approve(self, person: Person, case: Case, grant: Grant) -> bool:
        open_ = grant.state(self.clock.now_us()) == "asked" and grant.standing.takes(person.account)
        return open_ and person.role in GRANTERS and bool(case.guards & IN_SCOPE)

    def _key(self, case: Case, event: str, name: str) -> bytes:
        key = self.look_ups.key_in_case(case.table, self._subject(case), case.guards, Sought("", "", event, name))
        if not key:
            raise IdentityDutyError
        return key

    def _subject(self, case: Case) -> str:
        return self.openings.detail(case.row).subject

    def _case(self, case: Case) -> str:
        return self.openings.case_digest(self._subject(case))

    def _recorded(self, person: Person, act: Act, case: Case, digest: str) -> _Recorded:
        return _Recorded(self.trail, person, act, case.row.id, digest)


@dataclass(frozen=True)
class _Recorded:
    """Writes down a coded refusal before it is raised; nothing that somebody typed stands in it."""

    trail: Trail
    person: Person
    act: Act
    alert_id: str
    case: str

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CasebusError):
            said: Mapping[str, Any] = {"step": "refused"} if self.act == GRANTED else {}
            self.trail.note(self.person, self.act, self.alert_id, out="deny", case=self.case, why=error.code, data=said)
