"""What every page has: the header with who and when, the language switch, the banner when the node is away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nicegui import ui

from services.console.markup import Box, Text
from services.console.sessions import Session
from services.console.static_files import MARK, style_url
from services.console.words import Words, second, utc


class Frame:
    """The frame of one page: texts that the feed changes."""

    def __init__(self, words: Words, session: Session, here: str) -> None:
        self._words = words
        ui.add_head_html(f'<link rel="stylesheet" href="{style_url()}">')
        Text("a", words("skip"), "skip", href="#main")
        with Box("header", "top"):
            ui.html(MARK, sanitize=False)
            with Box("div", "name"):
                Text("span", words("product"))
                Text("small", words("product.sub"))
            Box("div", "grow")
            self._clock = Text("time", words("clock.waiting"), "clock", title="")
            self._who(session.me)
            other = "en" if words.language == "zh" else "zh"
            Text("a", words("language.other"), lang=other, href=f"/{other}{here}", aria_label=words("language.switch"))
            with Box("form", method="post", action=f"/{words.language}/logout"):
                Text("button", words("sign_out"), type="submit")
        self._banner = Text("div", "", "banner", role="alert")
        self._silent = Text("div", "", "silent", role="status")
        for strip in (self._banner, self._silent):
            strip.set_visibility(False)

    def _who(self, me: Mapping[str, Any]) -> None:
        with Box("div", "who"):
            Text("span", self._words.pair(me["name"]))
            place = (me["units"] or me["districts"] or [""])[0]
            role = self._words.pair(me["role_name"])
            where = self._words.place(place) if place.strip("0") else ""
            Text("small", f"{role} · {where}" if where else role)

    def tick(self, changes: Mapping[str, Any]) -> None:
        """Show the newest time and who is silent, and take the banner away."""
        self._clock.say(self._words("clock", time=second(changes["now"])))
        self._clock.props["title"] = utc(changes["now"])
        self._banner.set_visibility(False)
        silent = changes["silent"]
        if silent:
            names = self._words("list.separator").join(self._words.source(source) for source in silent[:4])
            self._silent.say(self._words("silent", count=len(silent), names=names))
        self._silent.set_visibility(bool(silent))

    def disconnected(self) -> None:
        """Show that what stands here is no longer live."""
        self._banner.say(self._words("disconnected"))
        self._banner.set_visibility(True)


@contextmanager
def main_part() -> Iterator[None]:
    """The page's main landmark."""
    with Box("main", "page", id_="main", tabindex="-1"):
        yield
