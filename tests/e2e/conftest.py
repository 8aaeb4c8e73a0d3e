"""One theatre and one browser for the module; each test has people of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.onlooker import Onlooker, onlooker, open_browser
from tests.e2e.theatre import Theatre, open_theatre


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Start node and console; at the end they stop cleanly."""
    opened = open_theatre(tmp_path_factory.mktemp("theatre"))
    try:
        yield opened
    finally:
        code = opened.stop()
    assert code == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        opened = open_browser(playwright)
        yield opened
        opened.close()


@pytest.fixture
def person(theatre: Theatre, browser: Browser) -> Iterator[Callable[..., Onlooker]]:
    """Give people: `person("police")` is signed in and at the board."""
    with ExitStack() as stack:

        def enter(account: str, language: str = "zh") -> Onlooker:
            entered = stack.enter_context(onlooker(browser, theatre.console))
            entered.sign_in(account, language)
            return entered

        yield enter
