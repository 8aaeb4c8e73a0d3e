"""Identifiers: how each is written, its check digit, and its one normal form.

`FORMATS` maps the names that contracts use in `casebus.format` to a function text → normal form. Every function raises
`IdentifierError`; no error holds the text. `NORMAL` holds patterns that tell text which is in normal form already.
"""

from schemas.identifiers.cases import (
    AcceptanceNumber,
    CaseNumber,
    ClueNumber,
    CorrectionsNumber,
    CourtCaseNumber,
    DepartmentIntakeNumber,
    DetaineeNumber,
    DocumentNumber,
    EnforcementNumber,
    IntakeNumber,
    PoliceCaseNumber,
)
from schemas.identifiers.errors import ChecksumError, IdentifierDateError, IdentifierError
from schemas.identifiers.formats import EXAMPLES, FORMATS, NORMAL
from schemas.identifiers.organisation import OrganisationCode, UnifiedCreditCode
from schemas.identifiers.person import IdNumber

__all__ = [
    "EXAMPLES",
    "FORMATS",
    "NORMAL",
    "AcceptanceNumber",
    "CaseNumber",
    "ChecksumError",
    "ClueNumber",
    "CorrectionsNumber",
    "CourtCaseNumber",
    "DepartmentIntakeNumber",
    "DetaineeNumber",
    "DocumentNumber",
    "EnforcementNumber",
    "IdNumber",
    "IdentifierDateError",
    "IdentifierError",
    "IntakeNumber",
    "OrganisationCode",
    "PoliceCaseNumber",
    "UnifiedCreditCode",
]
