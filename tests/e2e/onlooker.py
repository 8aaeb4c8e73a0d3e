"""A person at a browser, and everything that reached it: HTML, websocket frames, downloads, hosts, errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response, WebSocket

from services.demo.stage import PASSWORD
from tests.house.parts import chromium

OWN_HOST = "127.0.0.1"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass
class Onlooker:
    """One person's browser."""

    page: Page
    context: BrowserContext
    console: str
    received: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Keep everything that comes in."""
        self.page.on("request", lambda request: self._host(request.url))
        self.page.on("response", self._response)
        self.page.on("websocket", self._socket)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("download", lambda download: self.received.append(str(download.path().read_bytes())))

    def sign_in(self, account: str, language: str = "zh") -> None:
        """Sign in and wait for the board."""
        self.page.goto(f"{self.console}/{language}/login")
        self.page.fill("[name=account]", account)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/board**")
        self.page.wait_for_selector("h1")

    def go(self, path: str) -> None:
        """Open a page of the console."""
        self.page.goto(self.console + path)
        self.page.wait_for_selector("h1")
        # The websocket is the page's life: what follows is about pushed changes.
        self.page.wait_for_function("() => window.socket && window.socket.connected")

    def saw(self, text: str) -> bool:
        """Tell whether a text reached this browser in any way."""
        return any(text in part for part in self.received)

    def close(self) -> None:
        """Leave; what went wrong in the browser fails the test."""
        self.context.close()
        assert self.hosts <= {OWN_HOST}, self.hosts
        assert not self.errors

    def _response(self, response: Response) -> None:
        kind = response.headers.get("content-type", "")
        if response.request.resource_type in {"document", "xhr", "fetch"} or "json" in kind:
            try:
                self.received.append(response.text())
            except Exception as error:  # noqa: BLE001 - a redirect has no body, a closed page gives none
                self.received.append(type(error).__name__)

    def _socket(self, socket: WebSocket) -> None:
        self._host(socket.url)
        socket.on("framereceived", lambda frame: self.received.append(_text(frame)))

    def _host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"}:
            self.hosts.add(str(parts.hostname))


def _text(frame: Any) -> str:
    payload = frame if isinstance(frame, str | bytes) else frame.get("payload", "")
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)


def open_browser(playwright: Playwright) -> Browser:
    """Start Chromium; it can reach no host but this one."""
    return playwright.chromium.launch(executable_path=str(chromium()), args=ARGUMENTS)


@contextmanager
def onlooker(browser: Browser, console: str) -> Iterator[Onlooker]:
    """Give a person a browser of their own."""
    context = browser.new_context(viewport={"width": 1366, "height": 900}, locale="zh-CN")
    person = Onlooker(context.new_page(), context, console)
    person.watch()
    yield person
    person.close()
