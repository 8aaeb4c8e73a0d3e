"""The filter bar: native selects that write the URL; what is chosen can be undone with the browser's back button."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.districts import districts, units
from schemas.errors import NotFoundError
from services.console.filters import board_url
from services.console.markup import Box, Text
from services.console.tones import SEVERITIES
from services.console.words import Words

STATES = ("approaching", "held", "raised", "unconfirmed", "overdue_done", "closed_by_late_report", "cleared")
CHOOSE = """(e) => {
  const u = new URL(window.location.href), s = e.target;
  if (s.value) { u.searchParams.set(s.name, s.value); } else { u.searchParams.delete(s.name); }
  if (s.name === 'district') { u.searchParams.delete('unit'); }
  window.location.href = u;
}"""


def filter_bar(words: Words, filters: Mapping[str, str], models: Iterable[Mapping[str, Any]]) -> None:
    """Draw the filters of the board."""
    with Box("form", "filters", role="search", aria_label=words("filters")):
        _select(words, "district", [(d.code, d.name(words.language)) for d in districts()], filters)
        _select(words, "unit", _units(words, filters.get("district", "")), filters)
        _select(words, "model", [(str(m["model"]), _model(words, m)) for m in models], filters)
        _select(words, "severity", [(s, words.severity(s)) for s in SEVERITIES], filters)
        _select(words, "state", [(s, words(f"state.{s}")) for s in STATES], filters)
        if filters:
            Text("a", words("filters.clear"), "clear", href=board_url(words.language, {}))


def _model(words: Words, model: Mapping[str, Any]) -> str:
    return f"{model['code']} {words.pair(model['title'])}".strip()


def _units(words: Words, district: str) -> list[tuple[str, str]]:
    try:
        return [(unit.code, words.unit(unit.code)) for unit in units(district)] if district else []
    except NotFoundError:
        return []


def _select(words: Words, name: str, options: list[tuple[str, str]], filters: Mapping[str, str]) -> None:
    chosen = filters.get(name, "")
    if chosen and chosen not in {value for value, _ in options}:
        options = [*options, (chosen, chosen)]
    with Box("label"):
        Text("span", words(f"filter.{name}"))
        with Box("select", name=name).on("change", js_handler=CHOOSE):
            Text("option", words("filter.all"), value="", selected=not chosen)
            for value, label in options:
                Text("option", label, value=value, selected=value == chosen)
