"""Filters in the URL, and where a sign-in may lead."""

from __future__ import annotations

import pytest

from services.console.filters import board_url, changed, of_query
from services.console.sign_in import own_path, render
from services.console.words import Words


def test_a_url_gives_its_filters_back() -> None:
    """What is written is what is read."""
    filters = {"district": "990103", "model": "M13-notice", "severity": "red"}
    query = board_url("zh", filters).partition("?")[2]

    assert of_query(dict(part.split("=") for part in query.split("&"))) == filters


@pytest.mark.parametrize("value", ["", "x" * 41, "<script>", "a b", "../x", "%"])
def test_what_is_no_plain_word_is_left_out(value: str) -> None:
    """A filter is a code, nothing else."""
    assert of_query({"district": value, "other": "1"}) == {}


def test_another_district_has_other_units() -> None:
    """Changing the district drops the unit; taking a filter away drops its key."""
    filters = {"district": "990103", "unit": "990103010000", "state": "raised"}

    assert changed(filters, "district", "990105") == {"district": "990105", "state": "raised"}
    assert changed(filters, "state", "") == {"district": "990103", "unit": "990103010000"}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("/zh/board?district=990103", "/zh/board?district=990103"),
        ("https://elsewhere.example/zh/", ""),
        ("//elsewhere.example/zh/", ""),
        ("/zh/\\elsewhere", ""),
        ("/static/x", ""),
    ],
)
def test_a_sign_in_leads_to_this_console_only(after: str, expected: str) -> None:
    """An address of another site is forgotten."""
    assert own_path(after) == expected


def test_the_sign_in_page_escapes_what_it_is_given() -> None:
    """A fault or an address never becomes markup."""
    page = render(Words("en"), fault="<b>", after='"><script>')

    assert "<script>" not in page
    assert "&lt;b&gt;" in page
