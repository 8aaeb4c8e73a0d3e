"""The alert page: one alert as the desk renders it for this person, kept up to date, with the acts it offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import Client, ui

from services.console import alert_parts
from services.console.acts import Acts
from services.console.desk_client import DeskClient
from services.console.layout import Frame, main_part
from services.console.look_up import LookUp
from services.console.markup import Box, Text
from services.console.publish_form import PublishForm
from services.console.sessions import Session
from services.console.words import Words


class AlertPage:
    """One open alert page."""

    def __init__(self, words: Words, session: Session, desk: DeskClient, client: Client, alert_id: str) -> None:
        self.session = session
        self._words = words
        self._desk = desk
        self._client = client
        self._id = alert_id
        self._tag = ""
        self._acts: Acts | None = None
        self._publish: PublishForm | None = None
        self._look_up: LookUp | None = None

    def draw(self, view: Mapping[str, Any]) -> None:
        """Draw the page for the first time."""
        words = self._words
        self._frame = Frame(words, self.session, f"/alerts/{self._id}")
        with main_part():
            with Box("nav", "crumb", aria_label=words("crumb")):
                Text("a", words("back"), href=f"/{words.language}/board")
            self._top = Box("div")
            with Box("div", "detail"):
                self._left = Box("div", "stack")
                with Box("div", "stack"):
                    if view.get("clue"):
                        self._interactive()
                    self._right = Box("div", "stack")
        self._show(view)

    def tick(self, changes: Mapping[str, Any]) -> None:
        """Show the newest clock."""
        with self._client:
            self._frame.tick(changes)

    async def refresh(self) -> None:
        """Ask whether the page is still the newest, and only then for the page: an opening is audited."""
        if not self._tag or await self._desk.tag(self.session.token, self._id) != self._tag:
            await self._reload()

    def disconnected(self) -> None:
        """Show that the node does not answer."""
        with self._client:
            self._frame.disconnected()

    def expired(self) -> None:
        """Send the person to the sign-in page."""
        with self._client:
            ui.navigate.to(f"/{self._words.language}/login")

    def _interactive(self) -> None:
        async def step(body: Mapping[str, Any]) -> Mapping[str, Any]:
            return await self._desk.step(self.session.token, self._id, body)

        async def publish(body: Mapping[str, Any]) -> Mapping[str, Any]:
            return await self._desk.publish(self.session.token, self._id, body)

        async def look_up(body: Mapping[str, Any]) -> Mapping[str, Any]:
            return await self._desk.look_up(self.session.token, self._id, body)

        self._acts = Acts(self._words, step, self._reload, str(self.session.me["account"]))
        self._publish = PublishForm(self._words, publish, self._reload)
        self._look_up = LookUp(self._words, look_up, str(self.session.me["purpose"]))

    async def _reload(self) -> None:
        view = await self._desk.alert(self.session.token, self._id)
        with self._client:
            self._show(view)

    def _show(self, view: Mapping[str, Any]) -> None:
        self._tag = view.get("tag", "-")
        for part in (self._top, self._left, self._right):
            part.clear()
        self._frame.tick(view)
        if "accesses" in view:
            with self._left:
                alert_parts.log_facts(self._words, view)
        elif "clue" in view:
            self._show_alert(view)
        else:
            self._show_closed(view)

    def _show_alert(self, view: Mapping[str, Any]) -> None:
        words = self._words
        with self._top:
            alert_parts.title(words, view)
            alert_parts.notice(words)
        with self._left:
            if view["detail"]:
                alert_parts.reckoning(words, view)
            alert_parts.articles(words, view)
            if view["detail"]:
                alert_parts.events(words, view)
            alert_parts.hidden(words, view["hidden"])
        with self._right:
            if view["detail"]:
                Text("a", words("identity.link"), href=f"/{words.language}/identity/{self._id}")
            alert_parts.facts(words, view)
            alert_parts.histories(words, view)
        if self._acts and self._publish:
            self._acts.show(view["clue"])
            self._publish.show(view["publish"], view["now"])
        if self._look_up:
            self._look_up.show(view["detail"]["timeline"] if view["detail"] else ())

    def _show_closed(self, view: Mapping[str, Any]) -> None:
        with self._top:
            Text("h1", self._words("closed"))
            Text("p", self._words("closed.why"), "notice")
        with self._left:
            alert_parts.hidden(self._words, view["hidden"])
