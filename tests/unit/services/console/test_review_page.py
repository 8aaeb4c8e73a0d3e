"""The page of one request: everything that the digest holds stands on it, and only who may decide can press."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.catalogue import Contracts
from schemas.texts import LANGUAGES, Language
from services.asking.preview import preview
from services.asking.request import REASONS
from services.console import review_page
from services.console.words import ZONE, Words
from tests.unit.services.asking.test_wish import wish

WISH = wish(basis="<b>§40</b>", districts=["990103"])


def view(**changes: Any) -> dict[str, Any]:
    """Return a pending request as the node shows it to somebody who may decide it."""
    about = {name: getattr(WISH, name) for name in WISH.__struct_fields__}
    return {
        "request": "00112233445566aa",
        "subscription": WISH.subscription,
        "organisation": WISH.organisation,
        "purpose": WISH.purpose,
        "at": 1_772_323_200_000_000,
        "state": "pending",
        "reason": "",
        "wish": about,
        "gets": preview(WISH.principal(ZONE), Contracts.load()),
        "widens": ["subscription"],
        "needs": 2,
        "approved_by": [],
        "seen": "ab" * 32,
        "asker": "tax-990103/fines",
        "may_review": True,
    } | changes


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_approved_stands_on_the_page(language: Language) -> None:
    """Every field with what is given and why, the purpose, the basis as text, the digest that a press sends."""
    page = review_page.content(Words(language), view())

    for kind in view()["gets"]:
        assert kind["type"] in page
        for row in kind["fields"]:
            assert f"{row[language]} · {row['field']}" in page
            assert not row["why"] or row["why"][language] in page
    assert "&lt;b&gt;§40&lt;/b&gt;" in page
    assert f'name="seen" value="{"ab" * 32}"' in page
    assert all(f'value="{reason}"' in page for reason in REASONS)
    assert f"/{language}/subscription-requests/00112233445566aa/approve" in page
    assert "console." not in page


@pytest.mark.parametrize("state", ["pending", "granted", "declined", "withdrawn"])
def test_who_may_not_decide_has_nothing_to_press(state: str) -> None:
    """No form is drawn; a request that still waits says whom it waits for."""
    reason = "too_wide" if state == "declined" else ""
    page = review_page.content(Words("en"), view(may_review=False, state=state, reason=reason, approved_by=["li"]))

    assert "<form" not in page
    assert "li" in page
    assert ("other organisations" in page) == (state == "pending")


def test_the_list_leads_to_each_request() -> None:
    """In the node's order, with its state; an empty one says so."""
    rows = [view(), view(request="ff" * 8, state="granted")]
    page = review_page.listing(Words("zh"), rows)

    assert page.index("/zh/subscription-requests/00112233445566aa") < page.index("/zh/subscription-requests/ffff")
    assert "待办" in page
    assert "没有订阅申请" in review_page.listing(Words("zh"), [])


def test_the_reasons_are_those_of_the_node() -> None:
    """The page offers what the node takes."""
    assert review_page.REASONS == REASONS
