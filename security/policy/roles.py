"""Roles of people as data: the access matrix, so that a person and a subscription use one decision function.

Source: the access matrix of the domain dossier. ● of a level gives `clearance`, ◐ `bound_clearance`, △
`grant_clearance`, ○ `aggregates`. Where the matrix says "masked", "metadata" or "answer-only" the level is not given:
that rendering does not exist, and what does not exist is closed. Parties and the public have no account; an assistant
has its caller's rights and no role of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.errors import NotFoundError
from schemas.texts import Language
from security.labels import INTERNAL, PUBLIC, RESTRICTED, SENSITIVE
from security.subjects import Principal

_CASE: Final = frozenset({"minor", "minor14", "spi", "investigation_open", "business_secret", "state_work_secret"})
_CUSTODY: Final = frozenset({"minor", "minor14", "spi", "business_secret"})


class UnknownRoleError(NotFoundError):
    """A role code that the matrix does not have."""

    code = "policy.role"


@dataclass(frozen=True, slots=True)
class Role:
    """One row of the matrix; levels as in `security.subjects.Principal`."""

    code: str
    zh: str
    en: str
    clearance: int
    bound_clearance: int
    grant_clearance: int
    compartments: frozenset[str] = frozenset()
    payload: bool = True
    aggregates: bool = True

    def name(self, language: Language = "en") -> str:
        """Return the role's name in `language`."""
        return self.zh if language == "zh" else self.en


def _case_worker(code: str, zh: str, en: str, *more: str) -> Role:
    return Role(code, zh, en, INTERNAL, SENSITIVE, RESTRICTED, _CASE | frozenset(more))


def _bound(code: str, zh: str, en: str, clearance: int = INTERNAL) -> Role:
    return Role(code, zh, en, clearance, SENSITIVE, SENSITIVE, frozenset({"minor", "business_secret"}))


def _internal(code: str, zh: str, en: str) -> Role:
    return Role(code, zh, en, INTERNAL, INTERNAL, INTERNAL)


def _counts(code: str, zh: str, en: str) -> Role:
    return Role(code, zh, en, PUBLIC, PUBLIC, PUBLIC)


def _tasks(code: str, zh: str, en: str) -> Role:
    return Role(code, zh, en, PUBLIC, PUBLIC, PUBLIC, aggregates=False)


def _log_only(code: str, zh: str, en: str) -> Role:
    return Role(code, zh, en, PUBLIC, PUBLIC, PUBLIC, payload=False, aggregates=False)


_MATRIX: Final = (
    _case_worker("P_CASE", "承办检察官", "case prosecutor"),
    _case_worker("P_DEPT", "条线主任", "head of a prosecution line"),
    _case_worker("P_CHIEF", "检察长", "chief prosecutor", "officer_crime"),
    _internal("P_AM", "案件管理", "case management"),
    _case_worker("P_JUV", "未成年人检察", "juvenile prosecutor", "sealed"),
    _case_worker("P_PET", "控告申诉检察", "petitions prosecutor", "informant"),
    _internal("P2_MODEL", "模型审核", "model reviewer"),
    _case_worker("P3_LINE", "市院条线", "city prosecution line"),
    _case_worker("GA_LEGAL", "公安法制", "police legal officer"),
    _bound("FY_ADM", "法院审管与执行", "court administration"),
    Role("SF_CORR", "社区矫正中心", "community corrections", INTERNAL, SENSITIVE, RESTRICTED, _CUSTODY | {"sealed"}),
    _bound("SF_PRISON", "监狱与看守所", "prison and detention"),
    _internal("XZ_ORG", "行政执法机关", "administrative organ"),
    _counts("GOV_Q", "区县治理中心", "district governance centre"),
    _tasks("GOV_Z", "镇街治理中心", "street governance centre"),
    _counts("GOV_C", "市级治理中心", "city governance centre"),
    _bound("ZFW", "政法委执法监督", "law-enforcement oversight"),
    _counts("RD", "人大常委会", "people's congress"),
    _bound("SF_SUP", "行政执法监督", "administrative supervision"),
    _tasks("GSL", "工商联", "federation of industry and commerce"),
    _tasks("SUPV", "监督员", "supervisor"),
    _bound("REV", "评查专家", "case reviewer", PUBLIC),
    _counts("P_MODEL", "模型研发", "model author"),
    _log_only("SEC", "数据安全岗", "security officer"),
    _log_only("OPS", "平台管理员", "operator"),
    _log_only("P_INSP", "检务督察", "internal inspection"),
)
ROLES: Final = {role.code: role for role in _MATRIX}
"""Role code → role."""

AUDITORS: Final = frozenset({"SEC", "P_INSP"})
"""Roles that read the audit log: the matrix gives them "log" at every level. An operator (`OPS`) works with schemas and
topics only; whoever runs the machine is whom the log watches."""

ERASERS: Final = AUDITORS | {code for code, each in ROLES.items() if each.bound_clearance >= SENSITIVE}
"""Roles that ask for and approve the erasure of a person: those who work with cases, and auditors. No operator."""

GRANTERS: Final = AUDITORS | {code for code, each in ROLES.items() if each.grant_clearance >= RESTRICTED}
"""Roles that approve a named grant (△): those whom the matrix gives level 4 by one, and auditors. No operator."""


REVIEWERS: Final = ERASERS
"""Roles that review what an agency asks to receive: those who know the content, and auditors. Nobody who reads counts
only, and no operator: whoever runs the machine does not decide who sees what on it."""


LETTER_STEWARDS: Final = frozenset({"P_AM"})
"""Roles that keep the dead letters of their districts: the matrix gives case management quality without substance, and
a letter shows places and codes only."""

LETTER_OFFICERS: Final = frozenset({"SEC"})
"""Roles that keep every letter. Alone they close one whose seal or MAC did not fit: it may be the trace of an attack,
and whoever runs the machine must not be the one to put it away."""


def role(code: str) -> Role:
    """Return the role `code`; raises `UnknownRoleError`."""
    found = ROLES.get(code)
    if found is None:
        raise UnknownRoleError(role=code, known=", ".join(ROLES))
    return found


def person(
    account: str,
    code: str,
    *,
    organisation: str,
    districts: Iterable[str],
    event_types: Iterable[str],
    purpose: str = "",
    expires_at: int | None = None,
) -> Principal:
    """Return the principal of a person in a role; raises `UnknownRoleError`.

    `districts` are prefixes: a district code, or a unit code of 12 digits where the role covers its own unit alone.
    """
    held = role(code)
    return Principal(
        id=account,
        kind="person",
        organisation=organisation,
        role=code,
        purpose=purpose or f"duty:{code}",
        clearance=held.clearance,
        bound_clearance=held.bound_clearance,
        grant_clearance=held.grant_clearance,
        compartments=held.compartments,
        event_types=frozenset(event_types),
        districts=tuple(districts),
        expires_at=expires_at,
        payload=held.payload,
        aggregates=held.aggregates,
    )
