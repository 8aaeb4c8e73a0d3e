"""The acts on a clue: accept, assign to self, verify, refuse with a reason. Each is one call to the desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import events

from schemas.errors import CasebusError
from services.console.desk_client import DeskRefusedError
from services.console.markup import Box, Text, redress
from services.console.words import Words
from streams.clues import REASONS

Call = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
VALUE = "(e) => emit(e.target.value)"


def value_of(event: events.GenericEventArguments) -> str:
    """Return what a native input emitted."""
    return str(event.args or "")


class Said:
    """The line that says how a call went."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._line = Text("p", "", "said", role="status", aria_live="polite")

    def well(self, text: str) -> None:
        """Say that it went well."""
        redress(self._line, "said")
        self._line.say(text)

    def badly(self, error: CasebusError) -> None:
        """Say why it did not, and what to do."""
        redress(self._line, "said bad")
        if isinstance(error, DeskRefusedError):
            self._line.say(error.said)
        else:
            self._line.say(f"{error.message(self._words.language)} {error.hint(self._words.language)}")


class Acts:
    """The card with a clue's acts; it offers what the desk said would succeed."""

    def __init__(self, words: Words, call: Call, done: Callable[[], Awaitable[None]], account: str) -> None:
        self._words = words
        self._call = call
        self._done = done
        self._account = account
        self._reason = ""
        self._note = ""
        self._shown: tuple[Any, ...] = ()
        self._clue: Mapping[str, Any] = {}
        with Box("section", "card", aria_label=words("acts")):
            Text("h2", words("acts"))
            self._state = Text("p")
            self._body = Box("div")
            self._said = Said(words)

    def show(self, clue: Mapping[str, Any]) -> None:
        """Offer the acts of this state; the same offer is left as it is, with what was typed."""
        self._clue = clue
        now = (clue["state"], clue["version"], clue["assignee"], *clue["acts"])
        if now == self._shown:
            return
        self._shown = now
        state = self._words.coded("clue.state", clue["state"])
        self._state.say(self._words("acts.state", state=state, assignee=clue["assignee"] or self._words("acts.nobody")))
        self._body.clear()
        with self._body:
            self._offer(clue["acts"])

    def _offer(self, acts: list[str]) -> None:
        simple = [act for act in acts if act != "refuse"]
        with Box("div", "acts"):
            for place, act in enumerate(simple):
                label = self._words("acts.assign_self") if act == "assign" else self._words.coded("clue.act", act)
                tone = "act main" if place == 0 else "act"
                Text("button", label, tone, type="button", data_act=act).on("click", self._press(act))
        if "refuse" in acts:
            self._refusal()

    def _refusal(self) -> None:
        words = self._words
        with Box("div", "form"):
            with Box("label"):
                Text("span", words("acts.reason"))
                with Box("select", name="reason").on("change", self._chosen, js_handler=VALUE):
                    Text("option", words("acts.reason.choose"), value="")
                    for reason in REASONS:
                        Text("option", words.coded("clue.reason", reason), value=reason)
            with Box("label"):
                Text("span", words("acts.note"))
                Box("textarea", rows="2", maxlength="2000", name="note").on("input", self._noted, js_handler=VALUE)
            with Box("div"):
                label = words.coded("clue.act", "refuse")
                Text("button", label, "act warn", type="button", data_act="refuse").on("click", self._press("refuse"))

    def _chosen(self, event: events.GenericEventArguments) -> None:
        self._reason = value_of(event)

    def _noted(self, event: events.GenericEventArguments) -> None:
        self._note = value_of(event)

    def _press(self, act: str) -> Callable[[], Awaitable[None]]:
        async def pressed() -> None:
            body = {"act": act, "expected_version": self._clue["version"]}
            if act == "assign":
                body["assignee"] = self._account
            if act == "refuse":
                body |= {"reason": self._reason or None, "note": self._note}
            try:
                await self._call(body)
            except CasebusError as error:
                self._said.badly(error)
            else:
                self._said.well(self._words("acts.done", act=self._words.coded("clue.act", act)))
            # Also after a refusal: somebody else may have been first, and the page should show it.
            await self._done()

        return pressed
