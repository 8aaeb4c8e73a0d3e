"""Who asks for what, and whom a change touches."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.impact import Impact, consumers_of, impact, read_consumers

CONSUMERS = {
    "b": {"t.x": frozenset({"one", "two"})},
    "a": {"t.x": frozenset[str]()},
    "c": {"t.y": frozenset({"one"})},
}


def test_consumers_of_a_field() -> None:
    """Those that name it and those that ask for everything; the whole type touches all of its consumers."""
    assert consumers_of(CONSUMERS, "t.x", "one") == ("a", "b")
    assert consumers_of(CONSUMERS, "t.x", "three") == ("a",)
    assert consumers_of(CONSUMERS, "t.x", "contract") == ("a", "b")
    assert consumers_of(CONSUMERS, "t.z", "one") == ()


def test_the_impact_list_says_which_fields() -> None:
    """One line per consumer, with the fields it asks for."""
    assert impact(CONSUMERS, "t.x", ["three", "one", "one"]) == (
        Impact("a", "t.x", ("one", "three")),
        Impact("b", "t.x", ("one",)),
    )


def test_consumers_are_read_from_json() -> None:
    """A consumer, its event types, the fields of each."""
    assert read_consumers({"s": {"t.x": ["one"], "t.y": []}}) == {"s": {"t.x": frozenset({"one"}), "t.y": frozenset()}}


@pytest.mark.parametrize("document", [[], {"s": []}, {"s": {"t": "one"}}, {"s": {"t": [1]}}, None])
def test_anything_else_is_refused(document: Any) -> None:
    """Another shape is a ValueError, never half a list."""
    with pytest.raises(ValueError):
        read_consumers(document)
