"""The differences between two versions: one line each, with both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.evolution import Change, differences
from tests.unit.schemas.versions import field, row, two


def test_every_difference_is_named(tmp_path: Path) -> None:
    """Fields added and removed, types, labels, rules, words and the head."""

    def change(raw: dict[str, Any]) -> None:
        raw["fields"].remove(row(raw, "maybe"))
        raw["fields"].append(field("more", ["null", {"type": "array", "items": "long"}]))
        row(raw, "count").update({"type": "long", "casebus.max": 5, "casebus.en": "how many"})
        row(raw, "who").update({"casebus.level": 4, "casebus.flags": ["minor", "spi"], "casebus.about": "party"})
        raw["casebus"]["retention_days"] = 60
        raw["casebus"]["zh"] = "办结"

    assert differences(*two(tmp_path, change)) == (
        Change("contract.retention_days", "head", "30", "60"),
        Change("contract.zh", "words", "办理", "办结"),
        Change("count", "type", "int", "long"),
        Change("count.en", "words", "field", "how many"),
        Change("count.max", "rule", "", "5"),
        Change("maybe", "removed", "string?", ""),
        Change("more", "added", "", "array<long>?"),
        Change("who.about", "about", "suspect", "party"),
        Change("who.flags", "flags", "spi", "minor, spi"),
        Change("who.level", "level", "3", "4"),
    )


def test_equal_versions_do_not_differ(tmp_path: Path) -> None:
    """Another order of fields in the file is no difference."""
    assert differences(*two(tmp_path, lambda raw: raw["fields"].reverse())) == ()
