"""The formats a contract may name in `casebus.format`: text → normal form, and an invented example of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from schemas.identifiers.cases import KINDS, CaseNumber
from schemas.identifiers.errors import IdentifierError
from schemas.identifiers.normal import tidy
from schemas.identifiers.organisation import OrganisationCode, UnifiedCreditCode
from schemas.identifiers.person import normal as normal_id_number

Normalise = Callable[[str], str]


_DISTRICT = re.compile(r"[1-9]\d{5}", re.ASCII)
_UNIT = re.compile(r"[1-9]\d{11}", re.ASCII)
_ORGANISATION = re.compile(r"[a-z][a-z0-9]*-[0-9A-Z]{2,12}", re.ASCII)


def _shape(kind: str, pattern: re.Pattern[str]) -> Normalise:
    def normal(text: str) -> str:
        if not pattern.fullmatch(text):
            raise IdentifierError(kind=kind)
        return text

    return normal


def _digits(kind: str, pattern: re.Pattern[str]) -> Normalise:
    strict = _shape(kind, pattern)
    return lambda text: strict(tidy(text, kind))


def _case(kind: type[CaseNumber]) -> Normalise:
    return lambda text: str(kind.parse(text))


FORMATS: Mapping[str, Normalise] = {
    **{kind.kind: _case(kind) for kind in KINDS},
    "uscc": lambda text: str(UnifiedCreditCode.parse(text)),
    "organisation_code": lambda text: str(OrganisationCode.parse(text)),
    "id_number": normal_id_number,
    "district": _digits("district", _DISTRICT),
    "unit": _digits("unit", _UNIT),
    "organisation": _shape("organisation", _ORGANISATION),
}
"""Format name → text to normal form; raises `IdentifierError`. An organisation id is a source's part before `/`."""

NORMAL: Mapping[str, re.Pattern[str]] = {
    **{kind.kind: kind.pattern for kind in KINDS if kind.plain},
    "district": _DISTRICT,
    "unit": _UNIT,
    "organisation": _ORGANISATION,
}
"""Format name → a pattern of which every full match is its own normal form; formats that need more are not in it."""

EXAMPLES: Mapping[str, str] = {
    "police_case_number": "A9901030100002025030001",
    "acceptance_number": "J990103010000202503000001",
    "detainee_number": "990103000202503050001",
    "intake_number": "99010320250000042",
    "department_intake_number": "演检起诉受[2025]99010300042号",
    "court_case_number": "(2025)演0103刑初42号",
    "document_number": "演检建〔2025〕42号",
    "corrections_number": "SJ-990103-2025-000042",
    "enforcement_number": "XZ-990103E1-2025-42",
    "clue_number": "XS-990103-20250305-00042",
    "uscc": "91990101MA0000015C",
    "organisation_code": "MA0000015",
    "id_number": "990101198503070017",
    "district": "990103",
    "unit": "990103010000",
    "organisation": "police-990103",
}
"""One valid example of each, of the invented region 99."""
