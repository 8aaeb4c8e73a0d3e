"""What agencies ask to receive, on plain pages: all requests; one field by field, to approve or decline as shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.console.plain import box, element, facts, table, void
from services.console.words import Words, second

View = Mapping[str, Any]
REASONS: Final = ("basis", "purpose", "too_wide", "agreement", "other")
"""Why a request may be declined, as the node knows the codes."""
_LIST: Final = ("subscription", "organisation", "purpose", "time", "state")
_FIELDS: Final = ("field", "level", "given", "why")


def place(words: Words, request: str = "") -> str:
    """Return the address of all requests, or of one."""
    here = f"/{words.language}/subscription-requests"
    return f"{here}/{request}" if request else here


def listing(words: Words, requests: Sequence[View]) -> str:
    """Return the content of the page of all requests, pending ones first, as the node orders them."""
    head = element("h1", words("reviews"))
    if not requests:
        return head + element("p", words("reviews.none"))
    rows = [
        (
            element("a", each["subscription"], href=place(words, each["request"])),
            element("span", each["organisation"]),
            element("span", each["purpose"]),
            element("span", second(each["at"])),
            element("span", words(f"reviews.state.{each['state']}")),
        )
        for each in requests
    ]
    columns = [words(f"reviews.{name}") for name in _LIST]
    return head + box("section", table(words("reviews"), columns, rows), class_="card")


def content(words: Words, view: View, fault: str = "") -> str:
    """Return the content of the page of one request; `fault` is why something was refused."""
    parts = [element("h1", view["subscription"]), element("p", words("reviews.notice"), class_="notice")]
    if fault:
        parts.append(element("p", fault, class_="said bad", role="alert"))
    parts.append(box("section", element("h2", words("reviews.wish")), facts(_about(words, view)), class_="card"))
    parts += [_kind(words, kind) for kind in view["gets"]]
    parts.append(_decision(words, view))
    parts.append(box("p", element("a", words("reviews"), href=place(words))))
    return "".join(parts)


def _about(words: Words, view: View) -> list[tuple[str, Any]]:
    wish = view["wish"]
    said = {
        "organisation": view["organisation"],
        "asker": view.get("asker", ""),
        "time": second(view["at"]),
        "purpose": wish["purpose"],
        "basis": wish["basis"],
        "agreements": ", ".join(wish["agreements"]),
        "districts": ", ".join(f"{each} {words.place(each)}".strip() for each in wish["districts"]),
        "expires": wish["expires"],
        "clearance": wish["clearance"],
        "compartments": ", ".join(wish["compartments"]),
        "widens": ", ".join(view["widens"]) or words("reviews.widens.nothing"),
    }
    return [(words(f"reviews.{name}"), value) for name, value in said.items()]


def _kind(words: Words, kind: View) -> str:
    rows = [
        (
            element("span", f"{words.pair(row)} · {row['field']}"),
            element("span", row["level"]),
            element("span", words(f"reviews.given.{row['given']}")),
            element("span", words.pair(row["why"])),
        )
        for row in kind["fields"]
    ]
    shared = words(f"reviews.share.{kind['share']}")
    said = f"{kind['type']} · {shared}" + (f" · {kind['agreement']}" if kind["agreement"] else "")
    heading = box("h2", element("span", words.pair(kind)), element("small", said))
    columns = [words(f"reviews.{name}") for name in _FIELDS]
    return box("section", heading, table(words.pair(kind), columns, rows), class_="card")


def _decision(words: Words, view: View) -> str:
    approved = words("list.separator").join(view["approved_by"])
    said = [
        (words("reviews.state"), words(f"reviews.state.{view['state']}")),
        (words("reviews.declined_for"), words(f"reviews.reason.{view['reason']}") if view["reason"] else ""),
        (words("reviews.approved_by"), approved or words("reviews.nobody")),
        (words("reviews.needs"), view["needs"]),
        (words("reviews.seen"), view["seen"]),
    ]
    parts = [element("h2", words("reviews.decision")), facts(said)]
    if view["may_review"]:
        seen = void("input", type="hidden", name="seen", value=view["seen"])
        press = element("button", words("reviews.press.approve"), type="submit", class_="act main")
        parts.append(_post(words, view, "approve", seen, press))
        reasons = [element("option", words(f"reviews.reason.{code}"), value=code) for code in REASONS]
        why = box("label", element("span", words("reviews.declined_for")), box("select", *reasons, name="reason"))
        press = element("button", words("reviews.press.decline"), type="submit", class_="act")
        parts.append(_post(words, view, "decline", why, press))
    elif view["state"] == "pending":
        parts.append(element("p", words("reviews.not_yours")))
    return box("section", *parts, class_="card")


def _post(words: Words, view: View, act: str, *parts: str) -> str:
    action = f"{place(words, view['request'])}/{act}"
    return box("form", *parts, method="post", action=action, class_="form", autocomplete="off")
