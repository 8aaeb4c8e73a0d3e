"""The security officer in a real browser: search, record, proof, verification; pages without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from typer.testing import CliRunner

from services.cli.app import app
from services.console.plain import POLICY
from tests.e2e.onlooker import Onlooker
from tests.e2e.theatre import Theatre

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Enter = Callable[..., Onlooker]
SOON = 20_000


def open_plain(who: Onlooker, path: str) -> str:
    """Open a page and require that it is plain: strict policy, no script; return its HTML."""
    answer = who.page.goto(who.console + path)
    assert answer
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    html = answer.text()
    assert "<script" not in html
    assert "javascript:" not in html
    assert who.page.locator("script").count() == 0
    assert who.page.locator("h1").count() == 1
    return html


def test_the_officers_walk(theatre: Theatre, person: Enter, tmp_path: Path) -> None:
    """From the board to the log: who opened an alert, that record's proof, its bundle, verified by the command."""
    subject, alert = theatre.overdue("canary-officer")
    police, officer = person("police"), person("security")
    police.go(f"/zh/alerts/{alert}")
    page = officer.page
    page.get_by_role("link", name="查阅审计日志").click()
    page.wait_for_url("**/zh/audit")

    page.fill("[name=act]", "open")
    page.fill("[name=of_case]", subject)
    page.check("[name=exhaustive]")
    page.click("form.ask button")
    expect(page.get_by_text("已逐条读取全部记录，没有遗漏。")).to_be_visible(timeout=SOON)
    hit = page.locator("table.matrix tbody tr").last
    expect(hit).to_contain_text("police · 公安法制 · police-990103")
    hit.get_by_role("link").click()

    page.wait_for_url("**/verify/*")
    expect(page.get_by_text("证明成立")).to_be_visible(timeout=SOON)
    assert page.locator("ol.proof .good").count() == 4
    assert page.locator("ol.proof .bad").count() == 0
    with page.expect_download() as download:
        page.get_by_role("link", name="下载证据包").click()
    bundle = tmp_path / "bundle.json"
    download.value.save_as(bundle)
    key = theatre.stage.data / "audit" / "log.vkey"
    verified = CliRunner().invoke(app, ["verify", str(bundle), "--public-key", str(key), "--json"])
    assert verified.exit_code == 0
    assert json.loads(verified.stdout)["seqs"] == [int(bundle_seq(bundle))]
    assert not officer.saw("canary-officer")


def test_a_look_up_at_the_desk_is_found_by_the_officer(theatre: Theatre, person: Enter) -> None:
    """The police look the suspect up on the alert's page; the page names the record, the officer opens it."""
    _, alert = theatre.overdue("canary-look-up", suspect="01" + "5e" * 32)
    police, officer = person("police"), person("security")
    police.go(f"/zh/alerts/{alert}")

    police.page.click("[data-act=look_up]")
    said = police.page.locator("[aria-label=查询案内人员] .said")
    expect(said).to_contain_text("可见的相关事件 1 件", timeout=SOON)
    leaf = re.findall(r"第 (\d+) 条", said.inner_text())[0]
    html = open_plain(officer, f"/verify/{leaf}?lang=zh")

    assert "person.lookup" in html
    assert "5e5e" not in html


def bundle_seq(bundle: Path) -> int:
    """Return the number of a bundle's only record."""
    (record,) = json.loads(bundle.read_text(encoding="utf-8"))["records"]
    return int(record["seq"])


@pytest.mark.parametrize(
    ("language", "spoken", "ended"),
    [("zh", "zh-CN", "日志完整，未被改动。"), ("en", "en-US", "The log is whole and unchanged.")],
)
def test_plain_pages_in_both_languages(theatre: Theatre, person: Enter, language: str, spoken: str, ended: str) -> None:
    """No script, and a policy that would allow none; a verification comes back by itself until its verdict stands."""
    officer = person("security", language)
    for path in (f"/{language}/audit", f"/verify/0?lang={language}", f"/{language}/audit/verification"):
        html = open_plain(officer, path)
        assert f'<html lang="{spoken}">' in html
        if language == "en":
            assert re.findall(r"[\u4e00-\u9fff]+", officer.page.inner_text("body").replace("中文", "")) == []

    officer.page.click("main form button")

    expect(officer.page.get_by_text(ended)).to_be_visible(timeout=SOON)


def test_nobody_else_comes_in(theatre: Theatre, person: Enter) -> None:
    """Another role is refused with a sentence, a stranger is sent to sign in; what is unknown is said to be."""
    clerk, officer = person("clerk"), person("security")
    for path in ("/zh/audit", "/verify/0", "/zh/audit/verification"):
        answer = clerk.page.goto(clerk.console + path)
        assert answer
        assert (answer.status, answer.headers["content-security-policy"]) == (403, POLICY)
        assert "不能查阅审计日志" in answer.text()

    missing = officer.page.goto(f"{officer.console}/verify/999999999")
    assert missing
    assert missing.status == 404
    officer.page.context.clear_cookies()
    officer.page.goto(f"{officer.console}/verify/0")
    assert "/login?after=/verify/0" in officer.page.url
