"""Numbers of cases and documents: police, procuratorate, court, corrections, enforcement, clues.

National formats of police case numbers and document numbers are not published in one standard: these patterns are the
known shapes, each part named. The court case number follows 最高人民法院 案号规定 2016.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from schemas.identifiers.normal import day, match

PROVINCES = "京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新军兵"
DEMONSTRATION = "演"
"""Court character of the invented region 99; no real court has it."""


@dataclass(frozen=True)
class CaseNumber:
    """A number in its normal form, with its named parts; the base of all kinds."""

    text: str
    parts: Mapping[str, str] = field(compare=False)

    kind: ClassVar[str] = ""
    pattern: ClassVar[re.Pattern[str]]
    plain: ClassVar[bool] = False
    """Whether text that fits the pattern as it stands is its own normal form, with nothing left to check."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number; raises `IdentifierError`, and `IdentifierDateError` where a date inside does not exist."""
        parts = match(cls.pattern, text, cls.kind)
        if "day" in parts:
            day(parts["day"], cls.kind)
        return cls(cls.write(parts), parts)

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Return the normal form of the parts: here, the parts one after the other."""
        return "".join(parts.values())

    def __str__(self) -> str:
        return self.text


class PoliceCaseNumber(CaseNumber):
    """公安案件编号: A, unit (12, GA 380), year and month of filing, sequence of 4 to 6 digits."""

    kind = "police_case_number"
    plain = True
    pattern = re.compile(r"(?P<a>A)(?P<unit>\d{12})(?P<month>\d{4}(?:0[1-9]|1[0-2]))(?P<sequence>\d{4,6})", re.ASCII)


class AcceptanceNumber(CaseNumber):
    """接报案/受案号: J or X, unit (12), 8 to 12 digits of the system's own."""

    kind = "acceptance_number"
    plain = True
    pattern = re.compile(r"(?P<letter>[JX])(?P<unit>\d{12})(?P<sequence>\d{8,12})", re.ASCII)


class DetaineeNumber(CaseNumber):
    """在押人员编码: detention house (9), day of admission, sequence (4); GA 300.3-2001."""

    kind = "detainee_number"
    pattern = re.compile(r"(?P<house>\d{9})(?P<day>\d{8})(?P<sequence>\d{4})", re.ASCII)


class IntakeNumber(CaseNumber):
    """检察统一受案号: procuratorate (6), year, sequence (7)."""

    kind = "intake_number"
    plain = True
    pattern = re.compile(r"(?P<unit>\d{6})(?P<year>(?:19|20)\d{2})(?P<sequence>\d{7})", re.ASCII)


class DepartmentIntakeNumber(CaseNumber):
    """检察部门受案号: such as 深龙检起诉受[2014]44030700008号; brackets half width."""

    kind = "department_intake_number"
    pattern = re.compile(
        r"(?P<name>[一-龥]{2,12}受)[\[〔](?P<year>\d{4})[\]〕](?P<unit>\d{6})(?P<sequence>\d{5})号", re.ASCII
    )

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Write half-width brackets."""
        return f"{parts['name']}[{parts['year']}]{parts['unit']}{parts['sequence']}号"


class CourtCaseNumber(CaseNumber):
    """法院案号: such as (2024)沪0101刑初123号; parentheses half width, year, court, type, sequence, part."""

    kind = "court_case_number"
    plain = True
    pattern = re.compile(
        rf"\((?P<year>(?:19|20)\d{{2}})\)(?P<court>最高法|[{PROVINCES}{DEMONSTRATION}](?:\d{{4}}|\d{{2}})?)"
        r"(?P<type>[一-龥]{1,3})(?P<sequence>\d{1,8})号(?P<part>(?:之[一二三四五六七八九十]+)?)",
        re.ASCII,
    )

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Write half-width parentheses."""
        return f"({parts['year']}){parts['court']}{parts['type']}{parts['sequence']}号{parts['part']}"


class DocumentNumber(CaseNumber):
    """检察文书号: such as 演检建〔2025〕12号; brackets are 〔〕."""

    kind = "document_number"
    pattern = re.compile(r"(?P<name>[一-龥]{1,4}检[一-龥]{1,6})[\[〔](?P<year>\d{4})[\]〕](?P<sequence>\d{1,8})号")

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Write 〔〕 around the year."""
        return f"{parts['name']}〔{parts['year']}〕{parts['sequence']}号"


class CorrectionsNumber(CaseNumber):
    """社矫编号 of ours: SJ-district-year-sequence (6)."""

    kind = "corrections_number"
    plain = True
    pattern = re.compile(r"SJ-(?P<district>\d{6})-(?P<year>(?:19|20)\d{2})-(?P<sequence>\d{6})", re.ASCII)

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Write the parts with hyphens."""
        return f"SJ-{parts['district']}-{parts['year']}-{parts['sequence']}"


class EnforcementNumber(CaseNumber):
    """行政案件号 of ours: XZ-enforcement body-year-sequence."""

    kind = "enforcement_number"
    plain = True
    pattern = re.compile(r"XZ-(?P<body>[0-9A-Z]{2,18})-(?P<year>(?:19|20)\d{2})-(?P<sequence>\d{1,8})", re.ASCII)

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Write the parts with hyphens."""
        return f"XZ-{parts['body']}-{parts['year']}-{parts['sequence']}"


class ClueNumber(CaseNumber):
    """线索号 of ours: XS-district-day-sequence (5)."""

    kind = "clue_number"
    pattern = re.compile(r"XS-(?P<district>\d{6})-(?P<day>\d{8})-(?P<sequence>\d{5})", re.ASCII)

    @classmethod
    def write(cls, parts: Mapping[str, str]) -> str:
        """Write the parts with hyphens."""
        return f"XS-{parts['district']}-{parts['day']}-{parts['sequence']}"


KINDS: tuple[type[CaseNumber], ...] = (
    PoliceCaseNumber,
    AcceptanceNumber,
    DetaineeNumber,
    IntakeNumber,
    DepartmentIntakeNumber,
    CourtCaseNumber,
    DocumentNumber,
    CorrectionsNumber,
    EnforcementNumber,
    ClueNumber,
)
