"""The board's counts: key figures, the city's sixteen districts, models by severity, units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.console.filters import board_url, changed
from services.console.markup import Box, Text, redress
from services.console.tones import SEVERITIES
from services.console.words import Words

KPIS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("open", "brand", {}),
    ("red", "red", {"severity": "red"}),
    ("orange", "orange", {"severity": "orange"}),
    ("yellow", "yellow", {"severity": "yellow"}),
    ("held", "", {"state": "held"}),
    ("late_report", "green", {"state": "closed_by_late_report"}),
)


class KeyFigures:
    """Six figures; each is a link to the alerts it counts."""

    def __init__(self, words: Words, filters: Mapping[str, str]) -> None:
        self._numbers: dict[str, Text] = {}
        with Box("section", "kpis", aria_label=words("kpis")):
            for name, tone, restriction in KPIS:
                with Box("a", f"kpi {tone}".strip(), href=board_url(words.language, {**filters, **restriction})):
                    Text("div", words(f"kpi.{name}"), "label")
                    self._numbers[name] = Text("div", "", "number", data_kpi=name)

    def show(self, kpis: Mapping[str, int]) -> None:
        """Show the figures."""
        for name, number in self._numbers.items():
            number.say(f"{kpis[name]:,}")


class Tiles:
    """The sixteen districts: number of open alerts, the worst severity as colour, and each severity by its sign."""

    def __init__(self, words: Words, filters: Mapping[str, str], districts: Sequence[Mapping[str, Any]]) -> None:
        self._words = words
        self._chosen = filters.get("district", "")
        self._tiles: dict[str, tuple[Box, Text, Text]] = {}
        with Box("section", "card", aria_label=words("districts")):
            Text("h2", words("districts"))
            with Box("div", "tiles"):
                for district in districts:
                    self._tile(filters, district["code"])

    def _tile(self, filters: Mapping[str, str], code: str) -> None:
        target = "" if code == self._chosen else code
        href = board_url(self._words.language, changed(filters, "district", target))
        with Box("a", "tile", href=href, data_district=code) as tile:
            with Box("div", "place"):
                Text("b", self._words.place(code).removesuffix(" District"))
                number = Text("span")
            parts = Text("div", "", "parts")
        self._tiles[code] = (tile, number, parts)

    def show(self, districts: Sequence[Mapping[str, Any]]) -> None:
        """Show the counts."""
        for district in districts:
            tile, number, parts = self._tiles[district["code"]]
            number.say(str(district["open"]))
            shown = [self._part(severity, district) for severity in SEVERITIES[:3] if district[severity]]
            parts.say("  ".join(shown) or self._words("tile.none"))
            said = self._words("tile.say", place=self._words.place(district["code"]), **_numbers(district))
            if tile.props.get("aria-label") != said:
                tile.props["aria-label"] = tile.props["title"] = said
            chosen = " chosen" if district["code"] == self._chosen else ""
            redress(tile, f"tile {district['worst']}".strip() + chosen)

    def _part(self, severity: str, district: Mapping[str, Any]) -> str:
        return self._words("tile.part", icon=self._words(f"icon.{severity}"), count=district[severity])


def _numbers(tally: Mapping[str, Any]) -> dict[str, int]:
    return {name: tally[name] for name in ("open", *SEVERITIES[:3])}


class Matrix:
    """A table of counts by severity: models, or the units of a district."""

    def __init__(self, words: Words, title: str, first: str) -> None:
        self._words = words
        self._shown: list[tuple[str, str, tuple[int, ...]]] | None = None
        with Box("section", "card"):
            Text("h2", title)
            with Box("table", "matrix"):
                Text("caption", title, "sr")
                with Box("thead"), Box("tr"):
                    Text("th", first, scope="col")
                    for severity in SEVERITIES[:3]:
                        Text("th", words.severity(severity), "n", scope="col")
                    Text("th", words("kpi.open"), "n", scope="col")
                self._body = Box("tbody")

    def show(self, rows: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Show rows of (name, address, tally); unchanged rows send nothing."""
        wanted = [(name, href, (*(tally[s] for s in SEVERITIES[:3]), tally["open"])) for name, href, tally in rows]
        if wanted == self._shown:
            return
        self._shown = wanted
        self._body.clear()
        with self._body:
            for name, href, numbers in wanted:
                with Box("tr"):
                    with Box("th", scope="row"):
                        Text("a", name, href=href)
                    for number in numbers:
                        Text("td", str(number) if number else "·", "n")
