"""The form with which an organisation publishes the missing decision: a select of types, the contract's fields."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui import events

from schemas.errors import CasebusError
from schemas.texts import Language
from services.console.acts import VALUE, Call, Said, value_of
from services.console.markup import Box, Text
from services.console.words import Words, instant, local


class PublishForm:
    """The card with the form; what was typed stays while the page around it changes."""

    def __init__(self, words: Words, call: Call, done: Callable[[], Awaitable[None]]) -> None:
        self._words = words
        self._call = call
        self._done = done
        self._forms: Sequence[Mapping[str, Any]] = ()
        self._type = ""
        self._at = ""
        self._values: dict[str, str] = {}
        self._request = secrets.token_hex(16)
        with Box("section", "card", aria_label=words("publish")) as self._card:
            Text("h2", words("publish"))
            Text("p", words("publish.what"))
            self._body = Box("div", "form")
            self._fields = Box("div", "form")
            self._send = Text("button", words("publish.send"), "act main", type="button", data_act="publish")
            self._send.on("click", self._publish)
            self._said = Said(words)

    def show(self, forms: Sequence[Mapping[str, Any]], now: int) -> None:
        """Offer these forms; the same forms are left as they are, with what was typed."""
        self._card.set_visibility(bool(forms))
        if list(forms) == list(self._forms):
            return
        self._forms = forms
        self._type = forms[0]["type"] if forms else ""
        self._at = local(now).strftime("%Y-%m-%dT%H:%M")
        self._body.clear()
        with self._body:
            self._head()
        self._draw_fields()

    def _head(self) -> None:
        words = self._words
        with Box("label"):
            Text("span", words("publish.type"), "must")
            with Box("select", name="type").on("change", self._chosen, js_handler=VALUE):
                for form in self._forms:
                    Text("option", words.pair(form["title"]), value=form["type"])
        with Box("label"):
            Text("span", words("publish.at"), "must")
            Box("input", type="datetime-local", name="at", value=self._at).on("input", self._dated, js_handler=VALUE)

    def _draw_fields(self) -> None:
        self._values = {}
        self._fields.clear()
        form = next((form for form in self._forms if form["type"] == self._type), None)
        with self._fields:
            for field in form["fields"] if form else ():
                self._field(field)

    def _field(self, field: Mapping[str, Any]) -> None:
        name = field["name"]

        def typed(event: events.GenericEventArguments) -> None:
            self._values[name] = value_of(event)

        with Box("label"):
            Text("span", self._words.pair(field), "must" if field["required"] else "")
            if field["kind"] != "choice":
                example = str(field["example"] or "")
                Box("input", name=name, maxlength="500", placeholder=example).on("input", typed, js_handler=VALUE)
                return
            with Box("select", name=name).on("change", typed, js_handler=VALUE):
                Text("option", self._words("acts.reason.choose"), value="")
                for option in field["options"]:
                    Text("option", self._words.pair(option), value=option["code"])

    def _chosen(self, event: events.GenericEventArguments) -> None:
        self._type = value_of(event)
        self._draw_fields()

    def _dated(self, event: events.GenericEventArguments) -> None:
        self._at = value_of(event)

    async def _publish(self) -> None:
        body = {
            "type": self._type,
            "occurred_at": instant(self._at) or 0,
            "values": {name: value for name, value in self._values.items() if value},
            "request": self._request,
        }
        try:
            answer = await self._call(body)
        except CasebusError as error:
            self._said.badly(error)
            return
        if answer["status"] in {"accepted", "repeated"}:
            self._request = secrets.token_hex(16)
            self._said.well(self._words("publish.done"))
        else:
            self._said.badly(DoorRefusedError(answer))
        await self._done()


class DoorRefusedError(CasebusError):
    """The gateway's door refused the event."""

    code = "console.door_refused"

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__()
        self._answer = answer

    def message(self, language: Language = "en") -> str:
        """Say what the door said, and each fault."""
        faults = "; ".join(str(fault.get(language, "")) for fault in self._answer.get("faults", ()))
        return f"{(self._answer.get('message') or {}).get(language, '')} {faults}".strip()

    def hint(self, language: Language = "en") -> str:
        """Say what to do next, in the door's words."""
        return str((self._answer.get("hint") or {}).get(language, ""))
