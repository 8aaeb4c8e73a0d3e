"""Codes of organisations: both check characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import ChecksumError, IdentifierError, OrganisationCode, UnifiedCreditCode
from schemas.identifiers.organisation import UNIFIED_LETTERS

KNOWN = [
    "9144030071526726XG",
    "914403001922038216",
    "91110000802100433B",
    "91330100799655058B",
    "91990101MA0000015C",
    "91990101MA00000237",
    "91990101MA00000312",
]


@pytest.mark.parametrize("text", KNOWN)
def test_known_codes_are_valid(text: str) -> None:
    """Four public codes and the synthetic ones of region 99 pass, and so do the organisation codes inside them."""
    assert str(UnifiedCreditCode.parse(text.lower())) == text
    assert UnifiedCreditCode.parse(text).district == text[2:8]
    assert str(OrganisationCode.parse(f"{text[8:16]}-{text[16]}")) == text[8:17]


@given(st.text(UNIFIED_LETTERS, min_size=8, max_size=8), st.integers(0, 17), st.sampled_from(UNIFIED_LETTERS))
def test_any_single_wrong_character_is_found(body: str, at: int, wrong: str) -> None:
    """A made code is valid; with one character changed it is never valid."""
    text = UnifiedCreditCode.of("990101", body).text
    changed = text[:at] + wrong + text[at + 1 :]

    assert UnifiedCreditCode.parse(text).text == text
    if changed != text:
        with pytest.raises(IdentifierError):
            UnifiedCreditCode.parse(changed)


@pytest.mark.parametrize("text", ["91990101MA0000015", "91990101MI0000015C", "", "91090101MA0000015C"])
def test_other_texts_are_no_codes(text: str) -> None:
    """A wrong length or a letter that the standard leaves out is refused."""
    with pytest.raises(IdentifierError) as caught:
        UnifiedCreditCode.parse(text)

    assert caught.value.code == "identifier.format"


def test_a_wrong_organisation_code_inside_is_found() -> None:
    """The outer check character alone does not make a code valid."""
    with pytest.raises(ChecksumError):
        OrganisationCode.parse("MA0000016")
