"""The city board: what stands where, live. It renders the desk's view model and knows no role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import Client, ui

from services.console.board_filters import filter_bar
from services.console.board_parts import KeyFigures, Matrix, Tiles
from services.console.desk_client import DeskClient
from services.console.filters import board_url, changed
from services.console.grid import (
    LiveGrid,
    access_columns,
    access_row,
    alert_columns,
    alert_row,
    log_columns,
    log_row,
)
from services.console.layout import Frame, main_part
from services.console.markup import Box, Text
from services.console.sessions import Session
from services.console.words import Words


class BoardPage:
    """One open board."""

    def __init__(
        self, words: Words, session: Session, desk: DeskClient, client: Client, filters: dict[str, str]
    ) -> None:
        self.session = session
        self._words = words
        self._desk = desk
        self._client = client
        self._filters = filters
        self._parts: list[Any] = []

    def draw(self, view: Mapping[str, Any]) -> None:
        """Draw the page for the first time."""
        words = self._words
        self._frame = Frame(words, self.session, board_url("", self._filters).removeprefix("/"))
        with main_part():
            with Box("div", "head"):
                Text("h1", words("board.log" if view["me"]["sees"] == "log" else "board"))
                Box("div", "grow")
                if "kpis" in view:
                    filter_bar(words, self._filters, view["models"])
            self._news = Text("div", "", "sr", role="status", aria_live="polite")
            if "kpis" in view:
                self._draw_counts(view)
            elif "accesses" in view:
                self._draw_log(view)
            else:
                Text("p", words("board.nothing"), "card empty")
        self._frame.tick(view)

    def tick(self, changes: Mapping[str, Any]) -> None:
        """Show the newest clock."""
        with self._client:
            self._frame.tick(changes)

    async def refresh(self) -> None:
        """Ask the desk for the board and push the difference."""
        view = await self._desk.board(self.session.token, self._filters)
        with self._client:
            self._show(view)

    def disconnected(self) -> None:
        """Show that the node does not answer."""
        with self._client:
            self._frame.disconnected()

    def expired(self) -> None:
        """Send the person to the sign-in page."""
        with self._client:
            ui.navigate.to(f"/{self._words.language}/login")

    def _draw_counts(self, view: Mapping[str, Any]) -> None:
        words = self._words
        self._kpis = KeyFigures(words, self._filters)
        rows = "rows" in view
        with Box("div", "columns"):
            with Box("div", "stack"):
                self._tiles = Tiles(words, self._filters, view["districts"])
                if rows:
                    self._draw_tables(view)
            with Box("div", "stack"):
                self._draw_list(view)
                if not rows:
                    self._draw_tables(view)
        self._link_to_reviews()
        self._show_counts(view)

    def _link_to_reviews(self) -> None:
        words = self._words
        if self.session.me.get("reviews"):
            with Box("p", "notice"):
                Text("a", words("reviews.open"), href=f"/{words.language}/subscription-requests")

    def _draw_tables(self, view: Mapping[str, Any]) -> None:
        words = self._words
        self._models = Matrix(words, words("models"), words("filter.model"))
        self._units = Matrix(words, words("units"), words("filter.unit")) if view["units"] else None

    def _draw_list(self, view: Mapping[str, Any]) -> None:
        words = self._words
        self._grid: LiveGrid | None = None
        with Box("section", "card", aria_label=words("list")):
            if "rows" not in view:
                Text("h2", words("list"))
                Text("p", words("list.counts_only"), "empty")
                return
            with Text("h2", words("list")):
                Text("small", words("list.cap"))
            self._grid = LiveGrid(words, alert_columns(words), self._rows(view), words("list"))

    def _draw_log(self, view: Mapping[str, Any]) -> None:
        words = self._words
        with Box("p", "notice"):
            Text("span", words("log.notice"))
            if view["me"]["audits"]:
                Text("a", words("audit.open"), href=f"/{words.language}/audit")
        self._link_to_reviews()
        with Box("div", "columns"):
            with Box("section", "card"):
                Text("h2", words("log.alerts"))
                self._grid = LiveGrid(
                    words, log_columns(words), [log_row(words, r) for r in view["rows"]], words("list")
                )
            with Box("section", "card"):
                Text("h2", words("log.accesses"))
                entries = [access_row(words, a) for a in view["accesses"]]
                self._accesses = LiveGrid(words, access_columns(words), entries, words("log.accesses"))

    def _rows(self, view: Mapping[str, Any]) -> list[dict[str, Any]]:
        titles = {model["model"]: self._words.pair(model["title"]) for model in view["models"]}
        one = len({row["district"] for row in view["rows"]}) == 1
        return [alert_row(self._words, row, titles, one_district=one) for row in view["rows"]]

    def _show(self, view: Mapping[str, Any]) -> None:
        new = 0
        if "kpis" in view:
            self._show_counts(view)
            if self._grid:
                new = self._grid.show(self._rows(view))
        elif "accesses" in view and self._grid:
            self._grid.show([log_row(self._words, row) for row in view["rows"]])
            self._accesses.show([access_row(self._words, entry) for entry in view["accesses"]])
        if new:
            self._news.say(self._words("list.news", count=new))

    def _show_counts(self, view: Mapping[str, Any]) -> None:
        self._kpis.show(view["kpis"])
        self._tiles.show(view["districts"])
        self._models.show([self._counted(m, "model", m["model"]) for m in view["models"]])
        if self._units:
            self._units.show([self._counted(u, "unit", u["unit"]) for u in view["units"]])

    def _counted(self, tally: Mapping[str, Any], name: str, value: str) -> tuple[str, str, Mapping[str, Any]]:
        words = self._words
        title = f"{tally['code']} {words.pair(tally['title'])}".strip() if name == "model" else words.unit(value)
        return title, board_url(words.language, changed(self._filters, name, value)), tally
