"""The several audit logs of a site on the officer's pages: which to ask, how far each is here, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.console.plain import box, element, table
from services.console.words import NOTHING, Words, second


def choice(words: Words, head: Mapping[str, Any], chosen: str, first: str = "") -> Sequence[str]:
    """Return the choice of a log, `first` standing for no choice; nothing where a site has one log only."""
    if not head["others"]:
        return ()
    names = [head["log"], *(each["log"] for each in head["others"])]
    options = [element("option", first, value="", selected=not chosen)] if first else []
    options += [element("option", name, value=name, selected=name == chosen) for name in names]
    return (box("label", element("span", words("audit.log")), box("select", *options, name="log")),)


def others(words: Words, logs: Sequence[Mapping[str, Any]]) -> str:
    """Return what is here of the other logs."""
    columns = [words(f"audit.{name}") for name in ("log", "size", "log.records", "log.read", "log.state")]
    rows = [
        (
            element("span", each["log"]),
            element("span", each["size"]),
            element("span", each["records"]),
            element("span", second(each["at"]) if each["at"] else NOTHING),
            _state(words, each["why"], words("audit.log.good")),
        )
        for each in logs
    ]
    return element("h2", words("audit.log.others")) + table(words("audit.log.others"), columns, rows)


def searched(words: Words, logs: Sequence[Mapping[str, Any]]) -> str:
    """Return to which size each log was searched, or why not."""
    columns = [words(f"audit.{name}") for name in ("log", "size", "log.found", "log.state")]
    rows = [
        (
            element("span", each["log"]),
            element("span", each["size"] if each["searched"] else NOTHING),
            element("span", each["found"] if each["searched"] else NOTHING),
            _state(words, each["why"], words("audit.log.whole" if each["complete"] else "audit.log.by_index")),
        )
        for each in logs
    ]
    return table(words("audit.log.searched"), columns, rows)


def _state(words: Words, why: Mapping[str, Any] | None, good: str) -> str:
    return element("span", f"✗ {why[words.language]}", class_="bad") if why else element("span", good)
