"""The officer's page: the signed head, a search over the log, its hits; who was shown what, by which record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from services.console import audit_logs
from services.console.plain import box, element, facts, field, table, void
from services.console.words import Words, instant, second

SHOWN = 16
"""Characters shown of ids and digests; the whole stands on the record's page."""

TEXTS = ("person_key", "of_case", "event", "field", "act", "actor", "role", "org", "sub", "for_purpose", "out", "why")
"""What the form asks for, by the names of the auditor's interface; `since` and `until` are dates."""

PATTERNS = {"person_key": "[0-9a-f]{66}", "event": "[0-9a-f]{32}"}


def wanted(form: Mapping[str, str], purpose: str) -> dict[str, Any]:
    """Read the form as the interface wants it; dates are days of the city's zone, both included."""
    asked: dict[str, Any] = {name: form[name].strip() for name in (*TEXTS, "case_ref") if form.get(name, "").strip()}
    for name, later in (("since", 0), ("until", 1)):
        if (at := _day(form.get(name, ""), later)) is not None:
            asked[name] = at - later
    if form.get("log", "").strip():
        asked["log"] = form["log"].strip()
    return asked | {"purpose": form.get("purpose", "").strip() or purpose, "exhaustive": form.get("exhaustive") == "on"}


def content(words: Words, head: Mapping[str, Any], form: Mapping[str, str], purpose: str, found: str) -> str:
    """Return the page's content; `found` is the result of a search, or empty."""
    return "".join(
        (
            element("h1", words("audit")),
            box("p", element("span", words("audit.notice")), class_="notice"),
            box("section", element("h2", words("audit.head")), _head(words, head), class_="card"),
            box("section", element("h2", words("audit.search")), _form(words, head, form, purpose), class_="card"),
            found,
        )
    )


def refused(why: str) -> str:
    """Say why a search was not answered."""
    return element("p", why, class_="said bad", role="alert")


def result(words: Words, answer: Mapping[str, Any]) -> str:
    """Render what a search found; of a site with several logs each hit names its log, and each log how far it is."""
    several = [each["log"] for each in answer["logs"]] != [answer["own"]]
    how = words("audit.complete") if answer["complete"] else words("audit.by_index")
    counts = words("audit.found", found=answer["found"], shown=len(answer["hits"]), size=answer["size"])
    parts = [element("h2", words("audit.hits")), element("p", f"{counts} {how}", role="status")]
    if several:
        parts.append(audit_logs.searched(words, answer["logs"]))
    if answer["hits"]:
        columns = [words(f"audit.{name}") for name in ("record", "time", "act", "who", "purpose", "out", "about")]
        rows = [_hit(words, hit, answer["own"]) for hit in answer["hits"]]
        if several:
            columns.insert(1, words("audit.log"))
            rows = [
                (row[0], element("span", hit["log"]), *row[1:]) for row, hit in zip(rows, answer["hits"], strict=True)
            ]
        parts.append(table(words("audit.hits"), columns, rows))
    if answer["releases"]:
        columns = [
            words(f"audit.{name}")
            for name in ("event", "receiver", "purpose", "time", "record", "fetched", "acknowledged")
        ]
        rows = [_release(words, told, answer["own"]) for told in answer["releases"]]
        parts += [element("h2", words("audit.releases")), table(words("audit.releases"), columns, rows)]
        parts.append(element("p", words("audit.not_read")))
    return box("section", *parts, class_="card")


def _head(words: Words, head: Mapping[str, Any]) -> str:
    rows = [
        (words("audit.origin"), head["origin"]),
        (words("audit.size"), head["size"]),
        (words("audit.root"), head["root"]),
        (words("audit.unsigned"), head["unsigned"]),
        (words("audit.key"), head["key"]),
    ]
    link = element("a", words("audit.verify_all"), href=f"/{words.language}/audit/verification")
    others = audit_logs.others(words, head["others"]) if head["others"] else ""
    return facts(rows) + box("p", link) + others


def _form(words: Words, head: Mapping[str, Any], form: Mapping[str, str], purpose: str) -> str:
    fields = [
        field(words("audit.stated"), "purpose", value=form.get("purpose") or purpose, required=True),
        field(words("audit.case_ref"), "case_ref", value=form.get("case_ref", "")),
        *(_asked(words, form, name, pattern=PATTERNS.get(name), autocomplete="off") for name in TEXTS),
        *(_asked(words, form, name, type="date") for name in ("since", "until")),
        *audit_logs.choice(words, head, form.get("log", ""), words("audit.log.all")),
    ]
    ticked = form.get("exhaustive") == "on"
    tick = void("input", type="checkbox", name="exhaustive", checked=ticked)
    tick = box("label", tick, element("span", words("audit.exhaustive")), class_="tick")
    button = element("button", words("audit.ask"), type="submit", class_="act main")
    return box("form", *fields, tick, button, method="post", action=f"/{words.language}/audit", class_="form ask")


def _asked(words: Words, form: Mapping[str, str], name: str, **attributes: Any) -> str:
    return field(words(f"audit.ask.{name}"), name, value=form.get(name, ""), **attributes)


def _hit(words: Words, hit: Mapping[str, Any], own: str) -> Sequence[str]:
    record = hit["record"]
    who = " · ".join(part for part in (record.get("actor"), _role(words, record), record.get("org")) if part)
    return (
        _link(words, hit["seq"], hit["log"], own),
        element("span", second(record.get("ts"))),
        element("span", record["act"]),
        element("span", who),
        element("span", record.get("purpose", "")),
        element("span", " ".join(part for part in (record.get("out", ""), record.get("why", "")) if part)),
        element("span", _about(record)),
    )


def _release(words: Words, told: Mapping[str, Any], own: str) -> Sequence[str]:
    return (
        element("code", told["event"]),
        element("span", f"{told['sub']} ({told['org']})"),
        element("span", told["purpose"]),
        element("span", second(told["ts"])),
        " ".join(_link(words, seq, told["log"], own) for seq in told["seqs"]),
        _became(words, told, "fetched"),
        _became(words, told, "acknowledged"),
    )


def _became(words: Words, told: Mapping[str, Any], what: str) -> str:
    """Say when and by which record a release was fetched or acknowledged; of too many events nothing was looked up."""
    if what not in told:
        return element("span", words("audit.by_event"))
    said = told[what]
    if said is None:
        reached = told["reached"] if what == "acknowledged" else None
        return element(
            "span", words("audit.reached", through=reached["through"]) if reached else words("audit.not_yet")
        )
    at = words("audit.offset", offset=said["offset" if what == "fetched" else "through"])
    return element("span", f"{second(said['ts'])} {at} ") + _link(words, said["seq"])


def _link(words: Words, seq: int, log: str = "", own: str = "") -> str:
    """Link to a record's page; what became of a release stands in the node's own log."""
    beside = f"&log={quote(log)}" if log != own else ""
    return element("a", seq if log == own else f"{log} {seq}", href=f"/verify/{seq}?lang={words.language}{beside}")


def _role(words: Words, record: Mapping[str, Any]) -> str:
    return words.role(record["role"]) if record.get("role") else ""


def _about(record: Mapping[str, Any]) -> str:
    """Say what a record is about, shortened."""
    data = record.get("data", {})
    said = [str(record.get("obj", ""))[:SHOWN], str(record.get("case", ""))[:SHOWN]]
    if isinstance(data.get("events"), list):
        said.append(json.dumps(len(data["events"])) + "×")
    return " ".join(part for part in said if part)


def _day(typed: str, later: int) -> int | None:
    try:
        day = date.fromisoformat(typed) + timedelta(days=later)
    except (ValueError, OverflowError):
        return None
    return instant(f"{day.isoformat()}T00:00")
