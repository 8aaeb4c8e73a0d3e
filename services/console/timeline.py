"""The case's events of all agencies on one line of time, each with its values and what is hidden and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.console.markup import Box, Text, pill
from services.console.words import Words, moment, utc


def draw(words: Words, events: Sequence[Mapping[str, Any]]) -> None:
    """Draw the timeline; its order is the desk's."""
    if not events:
        Text("p", words("timeline.empty"), "empty")
        return
    with Box("ol", "timeline"):
        for event in events:
            _event(words, event)


def value(words: Words, shown: Mapping[str, Any]) -> str:
    """Render one value of an event."""
    known = shown["value"]
    if shown["name"] == "unit":
        return words.place(str(known))
    renderers: dict[str, Callable[[Any], str]] = {
        "time": moment,
        "yes": lambda yes: words("yes" if yes else "no"),
        "number": lambda number: f"{number:,}",
        "named": words.pair,
        "code": lambda code: words.coded(f"console.code.{shown['name']}", code),
        "person": lambda digits: words("person_key", digits=digits),
    }
    return renderers.get(shown["kind"], str)(known)


def _event(words: Words, event: Mapping[str, Any]) -> None:
    classes = " ".join(
        name for name, so in (("evidence", event["evidence"]), ("superseded", event["superseded_by"])) if so
    )
    with Box("li", classes):
        with Box("div", "when"):
            at = event["occurred_at"]
            Text("time", moment(at), datetime=utc(at), title=words("recorded", time=moment(event["recorded_at"])))
            Text("span", words.source(event["source"]))
            if event["evidence"]:
                pill(words("timeline.evidence"), "blue")
            if event["superseded_by"]:
                pill(words("timeline.superseded"), "grey")
            if event["withdraws"]:
                pill(words("timeline.withdraws"), "grey")
        Text("div", words.pair(event["title"]), "what")
        with Box("div", "values"):
            for shown in event["fields"]:
                with Box("span"):
                    Text("b", words.pair(shown))
                    Text("span", value(words, shown))
        if event["hidden"]:
            with Box("ul", "lock", aria_label=words("hidden")):
                for hidden in event["hidden"]:
                    Text("li", words("hidden.item", name=words.pair(hidden), why=words.why(hidden["why"])))
