"""Live pages: one timer per process asks the desk what moved and tells the open pages, each at most once a round.

Pages are never told of single events: a round is one question to the desk per page that shows something else now, and
one grid transaction to its browser.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from schemas.errors import CasebusError
from services.console.desk_client import DeskClient, SessionOverError
from services.console.sessions import Session, Sessions

PERIOD_SECONDS = 0.2
AT_ONCE = 8
"""Pages refreshed at the same time: the desk answers from threads."""

log = logging.getLogger("casebus.console")


class Page(Protocol):
    """A page that is open in a browser."""

    session: Session

    def tick(self, changes: Mapping[str, Any]) -> None:
        """Show the newest clock and marks; cheap."""
        ...

    async def refresh(self) -> None:
        """Ask the desk for what this page shows and push the difference."""
        ...

    def disconnected(self) -> None:
        """Show that the node does not answer."""
        ...

    def expired(self) -> None:
        """Send the person to the sign-in page."""
        ...


class Feed:
    """The shared timer's work."""

    def __init__(self, desk: DeskClient, sessions: Sessions) -> None:
        self._desk = desk
        self._sessions = sessions
        self._pages: dict[int, Page] = {}
        self._revision = -1
        self._behind: set[int] = set()

    def follow(self, page: Page) -> None:
        """Keep a page up to date until it is left."""
        self._pages[id(page)] = page
        # The page was drawn from a board that may be a moment older than the revision known here.
        self._behind.add(id(page))

    def leave(self, page: Page) -> None:
        """Forget a page whose browser is gone."""
        self._pages.pop(id(page), None)
        self._behind.discard(id(page))

    async def round(self) -> None:
        """Ask once what moved and bring every page to it."""
        pages = list(self._pages.values())
        if not pages:
            return
        try:
            changes = await self._desk.changes(pages[0].session.token, self._revision)
        except SessionOverError:
            self._expire(pages[0].session.token)
            return
        except CasebusError:
            for page in pages:
                page.disconnected()
            return
        if changes["revision"] != self._revision:
            self._revision = changes["revision"]
            self._behind |= set(self._pages)
        for page in pages:
            page.tick(changes)
        await self._refresh([page for page in pages if id(page) in self._behind])

    async def _refresh(self, pages: list[Page]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(page: Page) -> None:
            async with gate:
                try:
                    self._behind.discard(id(page))
                    await page.refresh()
                except SessionOverError:
                    self._expire(page.session.token)
                except CasebusError as error:
                    self._behind.add(id(page))
                    log.warning("page not refreshed: %s", error.code)

        await asyncio.gather(*(one(page) for page in pages))

    def _expire(self, token: str) -> None:
        self._sessions.forget(token)
        for page in [page for page in self._pages.values() if page.session.token == token]:
            page.expired()
            self.leave(page)
