"""`/verify/<record>`: one record of the audit log and the proof that the signed head covers it, on a printable page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.console.plain import box, element, facts
from services.console.proof import steps
from services.console.words import NOTHING, Words, second

HEADER = ("act", "out", "why", "actor", "role", "org", "purpose", "case", "obj", "node", "ctl", "epoch", "pol", "idem")
"""Header fields in the order in which a reader asks for them; names are those of the record itself."""


def content(words: Words, proved: Mapping[str, Any], query: str = "") -> str:
    """Return the page's content; `query` names the log in links where it is not the node's own."""
    seq, record = proved["seq"], proved["record"]
    checked = steps(proved)
    holds = all(good for _, good in checked)
    return "".join(
        (
            element("h1", words("verify.title", seq=seq)),
            element("p", words("verify.holds" if holds else "verify.broken"), class_=f"said{'' if holds else ' bad'}"),
            box("section", element("h2", words("verify.steps")), _steps(words, checked), class_="card"),
            box("section", element("h2", words("verify.record")), _record(words, seq, record), class_="card"),
            box("section", element("h2", words("verify.proof")), _proof(words, proved), class_="card"),
            _onward(words, seq, query),
        )
    )


def _steps(words: Words, checked: list[tuple[str, bool]]) -> str:
    lines = [
        element("li", f"{'✓' if good else '✗'} {words(f'verify.step.{name}')}", class_="good" if good else "bad")
        for name, good in checked
    ]
    # The node's own answer: it gives a record only after it has verified the signature with its key.
    lines.append(element("li", f"✓ {words('verify.step.signature')}", class_="good"))
    return box("ol", *lines, class_="proof")


def _record(words: Words, seq: int, record: Mapping[str, Any]) -> str:
    rows = [(words("audit.record"), seq), (words("audit.time"), second(record.get("ts")))]
    rows += [(words(f"verify.header.{name}"), record.get(name, "")) for name in HEADER]
    data = json.dumps(record.get("data", {}), ensure_ascii=False, indent=1) if record.get("data") else NOTHING
    return facts(rows) + element("h2", words("verify.data")) + element("pre", data)


def _proof(words: Words, proved: Mapping[str, Any]) -> str:
    rows = [
        (words("verify.leaf"), proved["leaf"]),
        (words("verify.prev"), proved["prev"]),
        (words("audit.log"), proved["log"]),
        (words("audit.origin"), proved["origin"]),
        (words("audit.size"), proved["size"]),
        (words("audit.root"), proved["root"]),
        (words("audit.key"), proved["key"]),
    ]
    path = box("ol", *(element("li", node) for node in proved["path"]), class_="path")
    return (
        facts(rows)
        + element("p", words("verify.own_key"))
        + element("h2", words("verify.path", count=len(proved["path"])))
        + path
        + element("h2", words("verify.note"))
        + element("pre", proved["note"])
    )


def _onward(words: Words, seq: int, query: str) -> str:
    links = [
        element("a", words("verify.bundle"), href=f"/verify/{seq}/bundle{query}", download=f"record-{seq}.json"),
        element("a", words("audit"), href=f"/{words.language}/audit"),
    ]
    return box("p", " · ".join(links))
