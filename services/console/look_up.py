"""The card that looks up a person of the case over all events; each press is an act in the audit log, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import events

from schemas.errors import CasebusError
from services.console.acts import VALUE, Call, Said, value_of
from services.console.markup import Box, Text
from services.console.timeline import value
from services.console.words import Words, moment

View = Mapping[str, Any]


def persons(timeline: Sequence[View]) -> list[tuple[str, str, View, View]]:
    """Return the persons that the timeline shows, each once: (event id, field, event, value)."""
    found: dict[str, tuple[str, str, View, View]] = {}
    for event in timeline:
        for shown in event["fields"]:
            if shown["kind"] == "person":
                found.setdefault(shown["value"], (event["event_id"], shown["name"], event, shown))
    return list(found.values())


class LookUp:
    """Offers the persons that stand on the page; without any it is not there."""

    def __init__(self, words: Words, call: Call, purpose: str) -> None:
        self._words, self._call, self._purpose = words, call, purpose
        self._chosen = ""
        self._offered: list[tuple[str, str, View, View]] = []
        self._card = Box("section", "card", aria_label=words("look_up"))
        with self._card:
            Text("h2", words("look_up"))
            Text("p", words("look_up.recorded", purpose=purpose))
            self._form = Box("div", "form")
            self._said = Said(words)
            self._found = Box("ul", "plain")
        self._card.set_visibility(False)

    def show(self, timeline: Sequence[View]) -> None:
        """Offer the persons of this timeline; the same offer is left as it is, with what was chosen."""
        offered = persons(timeline)
        if [each[:2] for each in offered] == [each[:2] for each in self._offered]:
            return
        self._offered, self._chosen = offered, "0"
        self._card.set_visibility(bool(offered))
        self._form.clear()
        with self._form:
            self._offer()

    def _offer(self) -> None:
        words = self._words
        with Box("label"):
            Text("span", words("look_up.whom"))
            with Box("select", name="person").on("change", self._choose, js_handler=VALUE):
                for number, (_, _, event, shown) in enumerate(self._offered):
                    names = {"event": words.pair(event["title"]), "field": words.pair(shown)}
                    Text("option", words("look_up.person", who=value(words, shown), **names), value=str(number))
        with Box("div"):
            button = Text("button", words("look_up.press"), "act", type="button", data_act="look_up")
            button.on("click", self._press)

    def _choose(self, event: events.GenericEventArguments) -> None:
        self._chosen = value_of(event)

    async def _press(self) -> None:
        event_id, field, _, _ = self._offered[int(self._chosen or 0)]
        self._found.clear()
        try:
            answer = await self._call({"purpose": self._purpose, "event": event_id, "field": field})
        except CasebusError as error:
            self._said.badly(error)
            return
        words = self._words
        key = "look_up.found" if answer["complete"] else "look_up.found_some"
        self._said.well(words(key, count=len(answer["events"]), leaf=answer["leaf"]))
        with self._found:
            for each in answer["events"]:
                with Box("li"):
                    Text("time", moment(each["occurred_at"]))
                    title = {"title": words.pair(each["title"]), "source": words.source(each["source"])}
                    Text("span", words("look_up.event", subject=each["subject"], **title))
