"""Numbers of cases and documents: shapes, parts, and one normal form each."""

from __future__ import annotations

import pytest

from schemas.identifiers import (
    EXAMPLES,
    FORMATS,
    AcceptanceNumber,
    CaseNumber,
    ClueNumber,
    CorrectionsNumber,
    CourtCaseNumber,
    DepartmentIntakeNumber,
    DetaineeNumber,
    DocumentNumber,
    EnforcementNumber,
    IdentifierError,
    IntakeNumber,
    PoliceCaseNumber,
)

GOOD: list[tuple[type[CaseNumber], str, str]] = [
    (PoliceCaseNumber, "a9901030100002025030001", "A9901030100002025030001"),
    (PoliceCaseNumber, "A990103010000202503000123", "A990103010000202503000123"),
    (AcceptanceNumber, "J99010301000020250001", "J99010301000020250001"),
    (AcceptanceNumber, "x990103010000202500010001", "X990103010000202500010001"),
    (DetaineeNumber, "330181111200001040201", "330181111200001040201"),
    (IntakeNumber, "37078520150084600", "37078520150084600"),
    (IntakeNumber, "37132920210000420", "37132920210000420"),
    (DepartmentIntakeNumber, "宁浦检起诉受[2018]32011100327号", "宁浦检起诉受[2018]32011100327号"),
    (DepartmentIntakeNumber, "深龙检起诉受［2014］44030700008号", "深龙检起诉受[2014]44030700008号"),
    (DepartmentIntakeNumber, "密检起诉受〔2016〕37078500026号", "密检起诉受[2016]37078500026号"),
    (CourtCaseNumber, "(2024)沪0101刑初123号", "(2024)沪0101刑初123号"),
    (CourtCaseNumber, "（2023）渝0103执恢45号", "(2023)渝0103执恢45号"),
    (CourtCaseNumber, "(2024)沪刑终9号", "(2024)沪刑终9号"),
    (CourtCaseNumber, "(2024)最高法民申1号", "(2024)最高法民申1号"),
    (CourtCaseNumber, "(2024)沪02刑更88号", "(2024)沪02刑更88号"),
    (CourtCaseNumber, "(2024)沪0101执123号之一", "(2024)沪0101执123号之一"),
    (CourtCaseNumber, "（２０２５）演0103刑初 42号", "(2025)演0103刑初42号"),
    (DocumentNumber, "演检建[2025]12号", "演检建〔2025〕12号"),
    (CorrectionsNumber, "sj-990103-2025-000042", "SJ-990103-2025-000042"),
    (EnforcementNumber, "XZ-990103E1-2025-42", "XZ-990103E1-2025-42"),
    (ClueNumber, "XS-990103-20250305-00042", "XS-990103-20250305-00042"),
]

BAD: list[tuple[type[CaseNumber], str, str]] = [
    (PoliceCaseNumber, "A9901030100002025130001", "identifier.format"),
    (PoliceCaseNumber, "B9901030100002025030001", "identifier.format"),
    (AcceptanceNumber, "J9901030100002025", "identifier.format"),
    (DetaineeNumber, "330181111200013040201", "identifier.date"),
    (IntakeNumber, "37078521150084600", "identifier.format"),
    (DepartmentIntakeNumber, "检受2018 32011100327号", "identifier.format"),
    (CourtCaseNumber, "(2024)沪0101刑初号", "identifier.format"),
    (CourtCaseNumber, "2024沪0101刑初1号", "identifier.format"),
    (CourtCaseNumber, "(2024)桃0101刑初1号", "identifier.format"),
    (DocumentNumber, "演建〔2025〕12号", "identifier.format"),
    (CorrectionsNumber, "SJ-990103-2025-42", "identifier.format"),
    (EnforcementNumber, "XZ-990103", "identifier.format"),
    (ClueNumber, "XS-990103-20250230-00042", "identifier.date"),
]


@pytest.mark.parametrize(("kind", "text", "normal"), GOOD)
def test_numbers_have_one_normal_form(kind: type[CaseNumber], text: str, normal: str) -> None:
    """Width, case and bracket style do not matter; the normal form is its own normal form."""
    number = kind.parse(text)

    assert str(number) == normal
    assert kind.parse(normal) == number
    assert FORMATS[kind.kind](text) == normal


@pytest.mark.parametrize(("kind", "text", "code"), BAD)
def test_other_texts_are_refused(kind: type[CaseNumber], text: str, code: str) -> None:
    """A wrong shape and a day that does not exist are told apart, and the text is not repeated."""
    with pytest.raises(IdentifierError) as caught:
        kind.parse(text)

    assert (caught.value.code, caught.value.fields) == (code, {"kind": kind.kind})


def test_parts_are_named() -> None:
    """Year, court, type and sequence of a court case number, unit and month of a police one."""
    assert dict(CourtCaseNumber.parse("(2025)演0103刑初42号").parts) == {
        "year": "2025",
        "court": "演0103",
        "type": "刑初",
        "sequence": "42",
        "part": "",
    }
    assert PoliceCaseNumber.parse("A9901030100002025030001").parts["unit"] == "990103010000"


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_every_format_has_a_valid_example(kind: str) -> None:
    """Formats and examples are the same names, and an example is in its normal form."""
    assert set(EXAMPLES) == set(FORMATS)
    assert FORMATS[kind](EXAMPLES[kind]) == EXAMPLES[kind]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("district", "09010"), ("unit", "99010301000"), ("organisation", "Police-990103"), ("organisation", "police")],
)
def test_codes_of_places_and_organisations_are_checked(kind: str, text: str) -> None:
    """Districts have six digits, units twelve, organisations a kind and a place."""
    with pytest.raises(IdentifierError):
        FORMATS[kind](text)
