"""Citizen identity numbers: check character, dates, normal form, and that they stay out of `repr`."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import ChecksumError, IdentifierDateError, IdentifierError, IdNumber
from schemas.identifiers.person import CHECKS, holds_id_number

KNOWN = [
    "11010519491231002X",
    "440524188001010014",
    "990101198503070017",
    "990101199001010027",
    "990101200909150033",
    "990102197502280049",
    "990102195511110069",
]
BIRTHS = st.dates(date(1900, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize("text", KNOWN)
def test_known_numbers_are_valid(text: str) -> None:
    """The published example and the synthetic numbers of region 99 pass."""
    number = IdNumber.parse(text)

    assert str(number) == text
    assert number.district == text[:6]
    assert f"{number.birth:%Y%m%d}" == text[6:14]


@given(BIRTHS, st.integers(0, 999), st.integers(100_000, 999_999), st.integers(0, 17), st.sampled_from(CHECKS))
def test_any_single_wrong_character_is_found(birth: date, sequence: int, district: int, at: int, wrong: str) -> None:
    """A made number is valid; with one character changed it is never valid."""
    text = IdNumber.of(str(district), birth, sequence).text
    changed = text[:at] + wrong + text[at + 1 :]

    assert IdNumber.parse(text).birth == birth
    if changed != text:
        with pytest.raises(IdentifierError):
            IdNumber.parse(changed)


@pytest.mark.parametrize("text", [" 11010519491231002x ", "１１010519491231002Ｘ", "110105 19491231 002X"])
def test_width_case_and_blanks_do_not_matter(text: str) -> None:
    """Full-width characters, lower case and blanks give the same number."""
    assert IdNumber.parse(text).text == "11010519491231002X"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("990101198503070018", ChecksumError),
        ("990101198502300017", IdentifierDateError),
        ("990101219850307001", IdentifierError),
        ("99010119850307001", IdentifierError),
        ("", IdentifierError),
        ("9" * 500, IdentifierError),
    ],
)
def test_wrong_numbers_are_told_apart(text: str, error: type[IdentifierError]) -> None:
    """A wrong check character, a day that does not exist and a wrong shape have their own errors."""
    with pytest.raises(error) as caught:
        IdNumber.parse(text)

    assert caught.value.fields == {"kind": "id_number"}


def test_a_number_is_not_shown_by_accident() -> None:
    """`repr` and thus any log of the object hides the number."""
    assert "9901" not in repr(IdNumber.parse("990101198503070017"))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("身份证990101198503070017。", True),
        ("11010519491231002x", True),
        ("1990101198503070017", False),
        ("990101198503070018", False),
        ("J990103010000202503000001", False),
        ("", False),
    ],
)
def test_numbers_inside_texts_are_found(text: str, holds: bool) -> None:  # noqa: FBT001 - a table of truths
    """A valid number anywhere in a text is found; longer runs of digits and wrong check characters are none."""
    assert holds_id_number(text) is holds
