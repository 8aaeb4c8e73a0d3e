"""Verifying the whole log, with how far it is: the page loads itself anew while the node is at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from services.console.plain import box, element, facts, field, table, void
from services.console.words import Words

LEVELS = (1, 2, 3)


def content(words: Words, status: Mapping[str, Any], purpose: str, head: Mapping[str, Any], log: str = "") -> str:
    """Return the page's content: the verification of `log`, else of the node's own; `head` names the site's logs."""
    parts = [element("h1", words("check")), element("p", words(f"check.state.{status['state']}"), role="status")]
    if head["others"]:
        parts.append(_logs(words, head, log))
    if status["state"] == "running":
        done = min(status["done"], status["of"] or status["done"])
        bar = element("progress", f"{done} / {status['of']}", value=done, max=max(status["of"], 1))
        parts.append(box("section", bar, element("p", words("check.done", done=done, of=status["of"])), class_="card"))
    if status["error"]:
        parts.append(element("p", status["error"], class_="said bad"))
    if status["report"]:
        parts.append(_report(words, status["report"][words.language]))
    if status["state"] != "running":
        parts.append(_form(words, purpose, log))
    parts.append(box("p", element("a", words("audit"), href=f"/{words.language}/audit")))
    return "".join(parts)


def _report(words: Words, report: Mapping[str, Any]) -> str:
    rows = [
        (words("check.levels"), " · ".join(report["levels"])),
        (words("check.records"), report["records"]),
        (words("audit.size"), report["size"]),
        (words("audit.root"), report["root"]),
    ]
    verdict = element(
        "p", words("check.ok" if report["ok"] else "check.not_ok"), class_="said" if report["ok"] else "said bad"
    )
    parts = [verdict, facts(rows)]
    for kind in ("faults", "notices"):
        if report[kind]:
            columns = [words(f"check.{name}") for name in ("kind", "seq", "text")]
            told = [[element("span", fault[name]) for name in ("kind", "seq", "text")] for fault in report[kind]]
            parts.append(table(words(f"check.{kind}"), columns, told))
    return box("section", *parts, class_="card")


def _logs(words: Words, head: Mapping[str, Any], log: str) -> str:
    """Return links to the verification of each log; the one that is shown stands without one."""
    shown, here = log or head["log"], f"/{words.language}/audit/verification"
    links = [
        element("strong", name) if name == shown else element("a", name, href=f"{here}?log={quote(name)}")
        for name in (head["log"], *(each["log"] for each in head["others"]))
    ]
    return box("p", element("span", words("audit.log")), " · ", " · ".join(links))


def _form(words: Words, purpose: str, log: str) -> str:
    options = [
        element("option", words(f"check.level.{level}"), value=level, selected=level == LEVELS[-1]) for level in LEVELS
    ]
    choice = box("label", element("span", words("check.level")), box("select", *options, name="level"))
    button = element("button", words("check.begin"), type="submit", class_="act main")
    stated = field(words("audit.stated"), "purpose", value=purpose, required=True)
    which = void("input", type="hidden", name="log", value=log)
    where = f"/{words.language}/audit/verification"
    return box("form", stated, choice, which, button, method="post", action=where, class_="form")
