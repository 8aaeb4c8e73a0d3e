"""What a new version may not do, each rule with its words; and what it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue
from schemas.catalogue import Contracts
from schemas.evolution import check, check_catalogue
from tests.unit.schemas.versions import FIRST, Change, changed, field, row, two, write

CONSUMERS = {
    "subscription lantern": {"test.thing.done": frozenset({"who", "count", "maybe"})},
    "model M99": {"test.thing.done": frozenset[str]()},
    "elsewhere": {"test.other.done": frozenset({"who"})},
}
WHO, ALL = ("model M99", "subscription lantern"), ("model M99",)


def put(name: str, key: str, value: Any) -> Change:
    """Change an attribute of a field."""
    return lambda raw: row(raw, name).__setitem__(key, value)


def head(key: str, value: Any) -> Change:
    """Change an attribute of the contract."""
    return lambda raw: raw["casebus"].__setitem__(key, value)


def without(name: str) -> Change:
    """Take a field away."""
    return lambda raw: raw["fields"].remove(row(raw, name))


def with_field(**more: Any) -> Change:
    """Add a field."""
    return lambda raw: raw["fields"].append(field("extra", **more))


REFUSED: list[tuple[str, str, tuple[str, ...], Change]] = [
    ("evolution.unreadable", "count", WHO, put("count", "type", "string")),
    ("evolution.unreadable", "kind", ALL, put("kind", "type", {"type": "enum", "name": "Kind", "symbols": ["a"]})),
    ("evolution.unreadable", "at", ALL, put("at", "type", "long")),
    (
        "evolution.unreadable",
        "maybe",
        WHO,
        lambda raw: (row(raw, "maybe").update(type="string"), row(raw, "maybe").pop("default")),
    ),
    ("evolution.unreadable_new", "extra", ALL, with_field()),
    ("evolution.level_falls", "who.level", WHO, put("who", "casebus.level", 2)),
    ("evolution.flag_vanishes", "who.flags", WHO, put("who", "casebus.flags", ["minor"])),
    ("evolution.about_vanishes", "who.about", WHO, put("who", "casebus.about", "enterprise")),
    ("evolution.field_removed", "count", WHO, without("count")),
    ("evolution.subject", "contract.subject", WHO, head("subject", "other_no")),
    ("evolution.case_ref", "other_no.case_ref", ALL, head("case_refs", {"no": "TEST"})),
    ("evolution.share_widens", "contract.share", WHO, head("share", "unconditional")),
    ("evolution.vault", "contract.vault", WHO, head("vault", value=True)),
]


@pytest.mark.parametrize(
    ("code", "path", "who", "change"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_rule_refuses_in_words(code: str, path: str, who: tuple[str, ...], change: Change, tmp_path: Path) -> None:
    """One breach, one refusal: its path, both sides, who asks for it, and what to do, in both languages."""
    old, new = two(tmp_path, change)

    (refusal,) = check(new, [old], CONSUMERS)

    assert (refusal.code, refusal.path, refusal.consumers) == (code, path, who)
    assert (refusal.contract, refusal.against) == ("test.thing.done/2", "test.thing.done/1")
    assert refusal.old != refusal.new
    for said in (refusal.zh, refusal.en, refusal.hint_zh, refusal.hint_en):
        assert said
        assert "{" not in said.replace("array<", "")
        assert not said.startswith("evolution.")


ALLOWED: list[Change] = [
    with_field(kind=["null", "string"]),
    put("count", "type", "long"),
    put("count", "casebus.level", 3),
    put("count", "casebus.flags", ["business_secret"]),
    put("count", "casebus.about", "suspect"),
    put("count", "casebus.en", "how many"),
    put("kind", "type", {"type": "enum", "name": "Kind", "symbols": ["a", "b", "c"]}),
    put("count", "type", ["null", "int"]),
    head("share", "none"),
    lambda raw: raw["fields"].reverse(),
]


@pytest.mark.parametrize("change", ALLOWED)
def test_what_only_adds_or_tightens_may_follow(change: Change, tmp_path: Path) -> None:
    """A nullable field, a wider number, a higher level, a further flag or symbol, better words: no refusal."""

    def with_default(raw: dict[str, Any]) -> None:
        change(raw)
        for each in raw["fields"]:
            if isinstance(each["type"], list):
                each["default"] = None

    old, new = two(tmp_path, with_default)

    assert check(new, [old], {}) == ()


def test_a_field_nobody_asks_for_may_go(tmp_path: Path) -> None:
    """Removal is refused for the sake of those who ask; without any it passes."""
    old, new = two(tmp_path, without("maybe"))

    assert check(new, [old], {}) == ()
    assert [r.code for r in check(new, [old], CONSUMERS)] == ["evolution.field_removed"]


def test_every_earlier_version_counts(tmp_path: Path) -> None:
    """Transitive: a third version that only repeats the second's nullable field still answers to the first."""
    write(tmp_path, FIRST)
    write(tmp_path, changed(without("count")))
    write(tmp_path, changed(put("count", "type", "string"), version=3))
    catalogue.record(tmp_path)

    refusals = check_catalogue(Contracts.load(tmp_path).all())

    assert ("test.thing.done/3", "test.thing.done/1", "count") in {(r.contract, r.against, r.path) for r in refusals}


def test_a_version_does_not_follow_itself_or_a_later_one(tmp_path: Path) -> None:
    """The order of versions is part of the rules."""
    old, new = two(tmp_path, with_field(kind=["null", "string"]))

    assert "evolution.version" in [r.code for r in check(old, [new])]


def test_the_bundled_catalogue_keeps_the_rules() -> None:
    """Every version that was published follows its earlier ones."""
    assert check_catalogue(Contracts.load().all()) == ()
