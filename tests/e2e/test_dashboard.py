"""The dashboard in a real browser over a real node: what appears when, who sees what, what two people do together."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from schemas.clock import DAY
from services.console.words import local
from tests.e2e.onlooker import Onlooker
from tests.e2e.theatre import DISTRICT, POLICE, Theatre

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Enter = Callable[..., Onlooker]
TWO_SECONDS = 2.0
SOON = 10_000
"""Milliseconds that a page may take on a busy machine where the test is not about time."""


def publish(police: Onlooker, decided_at: int | None = None) -> None:
    """Fill in the form of a filing decision and send it."""
    page = police.page
    if decided_at is not None:
        page.fill("input[name=at]", local(decided_at).strftime("%Y-%m-%dT%H:%M"))
    page.fill("input[name=ajbh]", "A9901030100002025030017")
    page.select_option("select[name=jurisdiction_basis]", "place_of_crime")
    page.select_option("select[name=charge_code]", "CL264")
    page.click("[data-act=publish]")
    expect(page.get_by_text("网关已接收并留痕")).to_be_visible(timeout=SOON)


def test_an_alert_appears_within_two_seconds(theatre: Theatre, person: Enter) -> None:
    """From the mark that makes a case overdue to its row on the open board: less than two seconds."""
    prosecutor = person("prosecutor")
    prosecutor.go(f"/zh/board?district={DISTRICT}&state=raised")
    before = prosecutor.page.locator(".ag-row").count()
    theatre.accept_report("canary-live")

    theatre.set_clock(theatre.now + 9 * DAY)
    told = time.monotonic()
    theatre.complete(POLICE)
    expect(prosecutor.page.locator(".ag-row")).to_have_count(before + 1, timeout=SOON)

    assert time.monotonic() - told < TWO_SECONDS


def test_prosecutor_and_police_walk(theatre: Theatre, person: Enter) -> None:
    """Accept, assign, verify; the police publish now: red becomes done after the limit, and both see it happen."""
    subject, alert = theatre.overdue("canary-walk")
    prosecutor, police = person("prosecutor"), person("police")
    prosecutor.go(f"/zh/alerts/{alert}")
    expect(prosecutor.page.get_by_text("线索，待核查", exact=True)).to_be_visible()
    assert not prosecutor.saw(subject)

    prosecutor.page.click("[data-act=accept]")
    expect(prosecutor.page.get_by_text(f"案件 {subject}")).to_be_visible(timeout=SOON)
    prosecutor.page.click("[data-act=assign]")
    prosecutor.page.click("[data-act=verify]")
    expect(prosecutor.page.locator(".title").get_by_text("核查中")).to_be_visible(timeout=SOON)
    police.go(f"/zh/alerts/{alert}")
    publish(police)

    for who in (prosecutor, police):
        expect(who.page.locator(".title").get_by_text("逾期已办")).to_be_visible(timeout=SOON)
        expect(who.page.locator("ol.timeline").get_by_text("立案决定")).to_be_visible(timeout=SOON)


def test_a_decision_dated_within_the_limit_closes_by_late_report(theatre: Theatre, person: Enter) -> None:
    """The page shows the three dates: limit, decision, report."""
    accepted_at = theatre.now
    _, alert = theatre.overdue("canary-late")
    police = person("police")
    police.go(f"/zh/alerts/{alert}")

    publish(police, accepted_at + DAY)

    expect(police.page.locator(".title").get_by_text("迟报办结")).to_be_visible(timeout=SOON)
    expect(police.page.locator(".three b")).to_have_count(3)
    expect(police.page.locator(".three b").nth(1)).to_have_text(local(accepted_at + DAY).strftime("%Y-%m-%d %H:%M"))


def test_a_decision_published_now_closes_a_yellow(theatre: Theatre, person: Enter) -> None:
    """Before the limit the alert is cleared."""
    _, alert = theatre.approaching("canary-yellow")
    police = person("police")
    police.go(f"/zh/alerts/{alert}")
    expect(police.page.locator(".title").get_by_text("临近期限")).to_be_visible()

    publish(police)

    expect(police.page.locator(".title").get_by_text("已消除")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize("account", ["prosecutor", "clerk", "security"])
def test_what_one_may_not_see_never_reaches_the_browser(theatre: Theatre, person: Enter, account: str) -> None:
    """Neither HTML nor a websocket frame carries the case, its summary or, for log and counts, where it is."""
    summary = f"canary-{account}-5d2e"
    subject, alert = theatre.overdue(summary)
    who = person(account)

    who.go(f"/zh/alerts/{alert}")
    who.go("/zh/board")
    theatre.accept_report(summary)
    theatre.move(theatre.now + 9 * DAY)
    theatre.drain()
    who.page.wait_for_timeout(1_500)

    assert who.received
    assert not who.saw(subject)
    assert not who.saw(summary)
    assert who.saw(alert)


def test_the_onlooker_would_have_seen_it(theatre: Theatre, person: Enter) -> None:
    """The police of the unit may see the case: the same search finds subject and summary there."""
    subject, alert = theatre.overdue("canary-visible-81fe")
    police = person("police")

    police.go(f"/zh/alerts/{alert}")

    assert police.saw(subject)
    assert police.saw("canary-visible-81fe")


def test_of_two_who_press_at_once_the_second_learns_who_was_first(theatre: Theatre, person: Enter) -> None:
    """Both see the same version; one goes through, the other reads the name of the first."""
    _, alert = theatre.overdue("canary-twice")
    first, second = person("prosecutor"), person("prosecutor")
    for who in (first, second):
        who.go(f"/zh/alerts/{alert}")

    for who in (first, second):
        who.page.evaluate("document.querySelector('[data-act=accept]').click()")

    for who in (first, second):
        expect(who.page.locator(".title").get_by_text("已受理")).to_be_visible(timeout=SOON)
    lines = sorted(who.page.locator("[aria-label=线索办理] .said").inner_text() for who in (first, second))
    assert any("prosecutor 已先一步办理" in line for line in lines)
    assert any(line.startswith("已完成") for line in lines)


def test_refusing_needs_a_reason(theatre: Theatre, person: Enter) -> None:
    """Without one the page says what is missing; with one the clue is archived."""
    _, alert = theatre.overdue("canary-refuse")
    prosecutor = person("prosecutor")
    prosecutor.go(f"/zh/alerts/{alert}")

    prosecutor.page.click("[data-act=refuse]")
    expect(prosecutor.page.get_by_text("退回线索必须选择理由")).to_be_visible(timeout=SOON)
    prosecutor.page.select_option("select[name=reason]", "duplicate")
    prosecutor.page.click("[data-act=refuse]")

    expect(prosecutor.page.locator(".title").get_by_text("已归档")).to_be_visible(timeout=SOON)


def test_the_filter_lives_in_the_url(theatre: Theatre, person: Enter) -> None:
    """Choosing a district writes the URL; the language switch keeps it; back undoes it."""
    prosecutor = person("prosecutor")
    prosecutor.go("/zh/board")

    prosecutor.page.select_option("select[name=district]", DISTRICT)
    prosecutor.page.wait_for_url(f"**/zh/board?district={DISTRICT}")
    prosecutor.page.get_by_role("link", name="切换为英文").click()
    prosecutor.page.wait_for_url(f"**/en/board?district={DISTRICT}")

    expect(prosecutor.page.locator("select[name=district]")).to_have_value(DISTRICT)


def test_the_second_language(theatre: Theatre, person: Enter) -> None:
    """English page, English words, the html element says so; no Chinese but the language switch."""
    _, alert = theatre.overdue("canary-english")
    prosecutor = person("prosecutor", "en")

    for path in ("/en/board", f"/en/alerts/{alert}"):
        prosecutor.go(path)
        assert prosecutor.page.get_attribute("html", "lang") == "en-US"
        shown = prosecutor.page.inner_text("body").replace("中文", "")
        assert re.findall(r"[\u4e00-\u9fff]+", _without_articles(shown)) == []
        assert "{" not in shown


def _without_articles(shown: str) -> str:
    """Leave out citations of law: an article keeps its own name in every language."""
    return re.sub(r"[^\n]*〔\d{4}〕[^\n]*", "", shown)


def test_every_page_can_be_worked_by_keyboard(theatre: Theatre, person: Enter) -> None:
    """The first stop skips to the content; the act is reached by Tab and taken by Enter; there is one h1."""
    _, alert = theatre.overdue("canary-keyboard")
    prosecutor = person("prosecutor")
    prosecutor.go(f"/zh/alerts/{alert}")
    page = prosecutor.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"

    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.act") == "accept":
            break
    page.keyboard.press("Enter")

    expect(page.locator(".title").get_by_text("已受理")).to_be_visible(timeout=SOON)
    assert page.locator("h1").count() == 1


def test_a_stranger_is_sent_to_the_sign_in_page(theatre: Theatre, person: Enter) -> None:
    """Without a session no page; the cookie cannot be read by a script."""
    prosecutor = person("prosecutor")
    assert "casebus" not in prosecutor.page.evaluate("document.cookie")
    prosecutor.page.get_by_role("button", name="退出").click()
    prosecutor.page.wait_for_url("**/zh/login")

    prosecutor.page.goto(f"{theatre.console}/zh/board?district={DISTRICT}")

    assert "/zh/login" in prosecutor.page.url


def test_a_killed_node_is_shown_and_clues_survive(theatre: Theatre, person: Enter) -> None:
    """The banner stands while the node is away; after its restart the clue is where it was, and one signs in again."""
    _, alert = theatre.overdue("canary-killed")
    prosecutor = person("prosecutor")
    prosecutor.go(f"/zh/alerts/{alert}")
    prosecutor.page.click("[data-act=accept]")
    expect(prosecutor.page.locator(".title").get_by_text("已受理")).to_be_visible(timeout=SOON)

    theatre.kill_node()
    expect(
        prosecutor.page.get_by_text("与节点的连接已中断").or_(prosecutor.page.locator("[name=account]"))
    ).to_be_visible(timeout=SOON)
    prosecutor.page.wait_for_url("**/zh/login**", timeout=30_000)
    prosecutor.sign_in("prosecutor")
    prosecutor.go(f"/zh/alerts/{alert}")

    expect(prosecutor.page.locator(".title").get_by_text("已受理")).to_be_visible()
