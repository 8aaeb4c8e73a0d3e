"""The parts of an alert page: facts, arithmetic, article, hidden parts, histories. Each only draws values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.console import timeline
from services.console.markup import Box, Text, pill
from services.console.tones import tone_of
from services.console.words import Words, deadline, moment

View = Mapping[str, Any]


def title(words: Words, view: View) -> None:
    """Draw the headline: the model's name, severity and state."""
    name = f"{view['code']} {words.pair(view['about']['title'])}".strip()
    with Box("div", "title"):
        Text("h1", name)
        pill(words.severity(view["severity"]), view["severity"])
        pill(words(f"state.{view['state']}"), tone_of(view["state"], view["severity"]))
        pill(words.coded("clue.state", view["clue"]["state"]), "grey")


def notice(words: Words) -> None:
    """Say what an alert is: a clue to verify, never an accusation."""
    with Box("div", "notice"):
        Text("b", words("clue_to_verify"))
        Text("div", words("clue_to_verify.why"))


def facts(words: Words, view: View) -> None:
    """Draw the shell."""
    with Box("section", "card"):
        Text("h2", words("facts"))
        with Box("dl", "facts"):
            rows = [
                ("district", words.place(view["district"])),
                ("unit", words.place(view["unit"])),
                ("opened_at", moment(view["opened_at"])),
                ("due_at", deadline(view["due_at"])),
                ("closed_at", moment(view["closed_at"])),
                ("reported_at", moment(view["reported_at"])),
                ("model", f"{view['about']['id']} {view['about']['version']}"),
                ("alert", view["id"]),
            ]
            for name, value in rows:
                Text("dt", words(f"fact.{name}"))
                Text("dd", value)


def reckoning(words: Words, view: View) -> None:
    """Draw the explanation and the deadline arithmetic step by step."""
    detail = view["detail"]
    with Box("section", "card"):
        with Text("h2", words("steps")):
            Text("small", words("steps.case", subject=detail["subject"]))
        if detail["explain"]:
            Text("p", words.pair(detail["explain"]), "reckoned")
        with Box("ol", "steps"):
            for step in detail["steps"]:
                Text("li", words.pair(step))
        if view["state"] == "closed_by_late_report":
            _three_dates(words, view)


def _three_dates(words: Words, view: View) -> None:
    with Box("div", "three"):
        for name in ("due_at", "closed_at", "reported_at"):
            with Box("div"):
                Text("small", words(f"late.{name}"))
                Text("b", deadline(view[name]) if name == "due_at" else moment(view[name]))


def articles(words: Words, view: View) -> None:
    """Draw the law the limit rests on; a parameter of ours is called one."""
    basis = view["detail"]["basis"] if view["detail"] else view["about"]["basis"]
    if not basis:
        return
    with Box("section", "card"):
        Text("h2", words("basis"))
        for law in basis:
            with Box("div", "article"):
                Text("span", str(law.get(f"title_{words.language}") or words.pair(law.get("title") or law)))
                kind = "parameter" if law.get("kind") == "parameter" else "law"
                Text("small", words(f"basis.{kind}", article=law.get("article", "")))


def events(words: Words, view: View) -> None:
    """Draw the timeline of the case."""
    with Box("section", "card", aria_label=words("timeline")):
        with Text("h2", words("timeline")):
            Text("small", words("timeline.all_agencies"))
        timeline.draw(words, view["detail"]["timeline"])


def hidden(words: Words, fields: Sequence[View]) -> None:
    """Draw what is hidden, each with its reason."""
    if not fields:
        return
    with Box("section", "card", aria_label=words("hidden")):
        Text("h2", words("hidden"))
        with Box("ul", "hidden"):
            for field in fields:
                with Box("li"):
                    Text("b", f"{words('icon.lock')} {words.pair(field)}")
                    Text("span", words.why(field["why"]))


def histories(words: Words, view: View) -> None:
    """Draw the alert's states and the clue's steps."""
    with Box("section", "card"):
        Text("h2", words("history"))
        with Box("ul", "plain"):
            for state in view["history"]:
                with Box("li"):
                    Text("time", moment(state["recorded_at"]))
                    Text("span", words(f"state.{state['state']}"))
                    if state["reason"]:
                        pill(words(f"history.{state['reason']}"), "grey")
            for step in view["clue"]["steps"]:
                _step(words, step)


def _step(words: Words, step: View) -> None:
    fields = {
        "act": words.coded("clue.act", step["act"]),
        "actor": step["actor"],
        "reason": words.coded("clue.reason", step["reason"]) if step["reason"] else "",
        "assignee": step["assignee"] or "",
        "leaf": step["leaf"],
    }
    kind = step["act"] if step["act"] in {"assign", "refuse"} else "other"
    with Box("li"):
        Text("time", moment(step["recorded_at"]))
        Text("span", words(f"step.{kind}", **fields))


def log_facts(words: Words, view: View) -> None:
    """Draw what the log says: states, who opened or changed it, leaf numbers."""
    with Box("div", "title"):
        Text("h1", words("log.alert", id=view["id"][:12]))
        pill(words(f"state.{view['state']}"), "grey")
    Text("p", words("log.notice"), "notice")
    with Box("section", "card"), Box("table", "matrix"):
        Text("caption", words("log.accesses"), "sr")
        with Box("thead"), Box("tr"):
            for name in ("leaf", "changed", "act", "outcome", "actor", "role"):
                Text("th", words(f"column.{name}"), scope="col")
        with Box("tbody"):
            for entry in view["accesses"]:
                with Box("tr"):
                    Text("td", str(entry["leaf"]))
                    Text("td", moment(entry["recorded_at"]))
                    Text("td", words.coded("console.act", entry["act"]))
                    Text("td", words.coded("console.outcome", entry["outcome"]))
                    Text("td", entry["actor"])
                    Text("td", words.role(entry["role"]))
