"""Who somebody is, on a plain page: ask, approve, open; the clear values stand here once, with the record's number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.console.plain import box, element, facts, field, table, void
from services.console.words import Words, second

View = Mapping[str, Any]
CLEAR = ("name", "id_number")


def content(words: Words, alert_id: str, view: View, purpose: str, opened: View | None = None, fault: str = "") -> str:
    """Return the page's content; `opened` is what an opening gave, `fault` why something was refused."""
    parts = [element("h1", words("identity")), element("p", words("identity.notice"), class_="notice")]
    if fault:
        parts.append(element("p", fault, class_="said bad", role="alert"))
    if opened:
        parts.append(_opened(words, opened))
    if view["persons"]:
        parts.append(
            box("section", element("h2", words("identity.ask")), _form(words, alert_id, view, purpose), class_="card")
        )
    if view["grants"]:
        rows = [_grant(words, alert_id, grant, view["persons"], purpose) for grant in view["grants"]]
        columns = [words(f"identity.{name}") for name in ("by", "whom", "basis", "time", "approvals", "state", "act")]
        parts.append(
            box(
                "section",
                element("h2", words("identity.grants")),
                table(words("identity.grants"), columns, rows),
                class_="card",
            )
        )
    if not view["persons"] and not view["grants"]:
        parts.append(element("p", words("identity.nothing")))
    parts.append(box("p", element("a", words("identity.alert"), href=f"/{words.language}/alerts/{alert_id}")))
    return "".join(parts)


def _opened(words: Words, opened: View) -> str:
    said = [facts([(words(f"identity.{name}"), each.get(name, "")) for name in CLEAR]) for each in opened["values"]]
    record = element("p", words("identity.recorded", leaf=opened["leaf"], basis=opened["basis"]), role="status")
    return box("section", element("h2", words("identity.opened")), record, *said, class_="card")


def _form(words: Words, alert_id: str, view: View, purpose: str) -> str:
    persons = [
        element("option", _whom(words, each), value=f"{each['event']}/{each['field']}") for each in view["persons"]
    ]
    bases = [element("option", words(f"identity.basis.{code}"), value=code) for code in view["bases"]]
    return _post(
        words,
        alert_id,
        "ask",
        field(words("audit.stated"), "purpose", value=purpose, required=True),
        box("label", element("span", words("identity.whom")), box("select", *persons, name="person")),
        box("label", element("span", words("identity.basis")), box("select", *bases, name="basis")),
        element("button", words("identity.press.ask"), type="submit", class_="act main"),
    )


def _grant(words: Words, alert_id: str, grant: View, persons: Sequence[View], purpose: str) -> Sequence[str]:
    whom = next((each for each in persons if (each["event"], each["field"]) == (grant["event"], grant["field"])), None)
    return (
        element("span", grant["by"]),
        element("span", _whom(words, whom) if whom else grant["field"]),
        element("span", words(f"identity.basis.{grant['basis']}")),
        element("span", second(grant["asked_at"])),
        element("span", " · ".join(grant["approvals"])),
        element("span", words(f"identity.state.{grant['state']}")),
        _press(words, alert_id, grant, purpose),
    )


def _press(words: Words, alert_id: str, grant: View, purpose: str) -> str:
    """Offer what this person may do with a grant."""
    act = "approve" if grant["may_approve"] else "open" if grant["may_open"] else ""
    if not act:
        return element("span")
    hidden = [
        void("input", type="hidden", name=name, value=value)
        for name, value in (("grant", grant["id"]), ("purpose", purpose))
    ]
    button = element("button", words(f"identity.press.{act}"), type="submit", class_="act")
    return _post(words, alert_id, act, *hidden, button)


def _post(words: Words, alert_id: str, act: str, *parts: str) -> str:
    action = f"/{words.language}/identity/{alert_id}/{act}"
    return box("form", *parts, method="post", action=action, class_="form", autocomplete="off")


def _whom(words: Words, each: View) -> str:
    return f"{words.pair(each['title'])} · {words.pair(each['name'])}"
