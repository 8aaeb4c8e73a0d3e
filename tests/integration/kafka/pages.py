"""The console's pages over a node on Kafka, in a real browser: an alert that came through Kafka, its step, its proof.

The console is a process of its own, by its command; the node is the test's, served with its runner as its process does.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, expect, sync_playwright

from schemas.clock import ManualClock
from security.audit.reading import read as read_log
from services.demo.check import free_port
from services.demo.stage import PASSWORD
from services.node.node import Node
from services.node.server import Worker, application
from services.node.supervisor import console_command
from streams.projections.values import Filter
from tests.e2e.onlooker import onlooker, open_browser
from tests.house.tree import ROOT
from tests.integration.kafka.beside import settled
from tests.integration.kafka.installation import wait_for
from tests.integration.report_event import POLICE, report, subject_of
from tests.integration.serving import serving

CASE, NUMBER = 66, 940_001
START_SECONDS = 60.0
SOON = 30_000
"""Milliseconds: these tests are not about time."""


@contextmanager
def console_over(node: Node) -> Iterator[str]:
    """Serve the node with its runner, and a console before it; give the console's address."""
    runner = Worker(node)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with serving(application(node)) as url:
        command = console_command(urlsplit(url).port or 0, port)
        console = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        runner.start()
        try:
            address = f"http://127.0.0.1:{port}"
            assert wait_for(lambda: answers(f"{address}/zh/login"), START_SECONDS)
            yield address
        finally:
            console.terminate()
            console.wait(START_SECONDS)
            runner.stop()
            runner.join()


def answers(url: str) -> bool:
    """Tell whether a page is there."""
    try:
        return httpx.get(url, trust_env=False, timeout=30).is_success
    except httpx.TransportError:
        return False


def look(node: Node, clock: ManualClock) -> None:
    """A prosecutor finds a new alert on the board and accepts it; the officer has the record of that proven."""
    before = {row.id for row in node.read_model.newest(Filter())}
    (outcome,) = node.door.accept(POLICE, [report(NUMBER, case=CASE)])
    assert outcome.ok, outcome.as_dict()
    # The source says that this is all: a missed limit is final, and no longer unconfirmed.
    node.door.heartbeat(POLICE)
    settled(node, clock)
    (alert,) = {row.id for row in node.read_model.newest(Filter())} - before
    for account in ("prosecutor", "security"):
        node.accounts.set_password(account, PASSWORD)
    with console_over(node) as console, sync_playwright() as playwright:
        browser = open_browser(playwright)
        accept(browser, console, alert)
        prove(browser, console, node, alert)
        browser.close()


def accept(browser: Browser, console: str, alert: str) -> None:
    """From the board to the alert; the step goes to Kafka and comes back to the open page."""
    with onlooker(browser, console) as prosecutor:
        prosecutor.sign_in("prosecutor")
        prosecutor.go("/zh/board")
        expect(prosecutor.page.locator(".ag-row").first).to_be_visible(timeout=SOON)
        prosecutor.go(f"/zh/alerts/{alert}")
        expect(prosecutor.page.get_by_text("线索，待核查", exact=True)).to_be_visible(timeout=SOON)
        assert not prosecutor.saw(subject_of(CASE))
        prosecutor.page.click("[data-act=accept]")
        expect(prosecutor.page.get_by_text(f"案件 {subject_of(CASE)}")).to_be_visible(timeout=SOON)


def prove(browser: Browser, console: str, node: Node, alert: str) -> None:
    """The officer's page says that the proof of who opened the alert holds, in every one of its steps."""
    opened = [each.seq for each in read_log(node.data.audit) if (each.record.act, each.record.obj) == ("open", alert)]
    with onlooker(browser, console) as officer:
        officer.sign_in("security")
        officer.page.goto(f"{console}/verify/{opened[-1]}?lang=zh")
        expect(officer.page.get_by_text("证明成立")).to_be_visible(timeout=SOON)
        assert officer.page.locator("ol.proof .good").count() == 4
        assert officer.page.locator("ol.proof .bad").count() == 0
